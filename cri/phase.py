"""How far the server is between its start and its end."""

from __future__ import annotations

import enum

__all__ = ["Phase"]


class Phase(enum.Enum):
    """The value says why no pod can be run, but for SERVING."""

    STARTING = "what an earlier server left is looked through"
    SERVING = "calls are answered"
    STOPPING = "the server is being stopped"
