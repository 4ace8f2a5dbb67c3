"""What port-forwarding says and hears, whatever the transport is."""

from __future__ import annotations

from typing import Protocol

from firkin.cri.streaming.command import Core

__all__ = ["ForwardCore", "port_number"]


class ForwardCore(Core, Protocol):
    """Connections to ports of a sandbox on one transport; each is named by the number that `Opened` gave it."""

    has_ends: bool
    """Whether a client can say that it sends no more, and be told that the port does not."""

    def send(self, stream: int, data: bytes) -> None:
        """Send what came from the port."""

    def end(self, stream: int) -> None:
        """The port sends no more."""

    def close(self, stream: int) -> None:
        """The connection is over, in good order."""

    def fail(self, stream: int, reason: str) -> None:
        """The connection was not made, or broke."""

    def expire(self, stream: int) -> None:
        """The other half of what is `Pending` is waited for no longer."""


def port_number(text: str) -> int | None:
    """The port that `text` names, None if it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    return int(text) if 1 <= int(text) <= 65535 else None
