"""Tokens: each stands for one request, can be used once, and does not live long."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from firkin.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.cri.streaming.limits import Limits
    from firkin.cri.streaming.request import StreamRequest

__all__ = ["Tokens"]

# The token is all that a client proves itself with: 128 bits.
_BYTES = 16


class Tokens:
    """The requests that wait for their client. `clock` gives seconds that only grow."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        # In the order in which they expire.
        self._waiting: dict[str, tuple[float, StreamRequest]] = {}

    def issue(self, request: StreamRequest) -> str:
        """A token for `request`. Raises ResourceExhaustedError if too many wait."""
        self._expire()
        if len(self._waiting) >= self._limits.tokens:
            raise ResourceExhaustedError(
                f"streaming: {len(self._waiting)} requests wait for their client to connect, which is the most",
                hint=f"each expires after {self._limits.token_life:.0f} s",
            )
        token = secrets.token_urlsafe(_BYTES)
        self._waiting[token] = self._clock() + self._limits.token_life, request
        return token

    def redeem(self, token: str) -> StreamRequest | None:
        """The request that `token` stands for, which is void from now on; None if there is none or it expired."""
        self._expire()
        _, request = self._waiting.pop(token, (0.0, None))
        return request

    def _expire(self) -> None:
        now = self._clock()
        while self._waiting and (oldest := next(iter(self._waiting.items())))[1][0] <= now:
            del self._waiting[oldest[0]]
