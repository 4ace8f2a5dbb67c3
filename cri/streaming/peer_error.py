"""The one exception of the cores."""

from __future__ import annotations

__all__ = ["PeerError"]


class PeerError(Exception):
    """The peer does not keep to the protocol, or exceeds a limit.

    It is never firkin's fault and never the user's: it ends the connection, and a line in the log says why. The core
    that raised it is dead; what it has to say in farewell is in its output.
    """
