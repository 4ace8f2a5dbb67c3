"""How long a server is waited for, how often it is asked again, and how much of it is read."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["MOST_ERROR", "MOST_REDIRECTS", "MOST_TAGS", "MOST_TOKEN", "Limits"]

MOST_ERROR = 16 << 10
"""Bytes of the body of an error that are read."""
MOST_TOKEN = 1 << 20
"""Bytes of the answer of a token server that are read at most."""
MOST_REDIRECTS = 5
"""Redirects that one request follows."""
MOST_TAGS = 1_000_000
"""Tags of one repository that are listed at most."""


@dataclass(frozen=True)
class Limits:
    """Patience with a server.

    Parameters, all times in seconds: `connect` until the connection stands; `silence` until the answer begins, and
    for each `stride` bytes of a body; `whole` for the body of a document; `attempts` of a request that fails in
    passing; `delay` before the second attempt, doubled for each further one up to `longest`, which also bounds what a
    server may ask for; `mirror_attempts` replaces `attempts` where another endpoint can be asked.
    """

    connect: float = 15
    silence: float = 30
    whole: float = 60
    stride: int = 64 << 10
    attempts: int = 5
    mirror_attempts: int = 2
    delay: float = 0.25
    longest: float = 60

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures, scattered so that many clients do not come back at once."""
        most = min(self.delay * 2 ** (failures - 1), self.longest)
        return random.uniform(most / 2, most)
