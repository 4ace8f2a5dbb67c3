"""Why a container, or its pod, could not be started this time."""

from __future__ import annotations

from firkin.errors import FirkinError

__all__ = ["StartError"]


class StartError(FirkinError):
    """A container can not be started now.

    `reason` is the one that its status says, such as ImagePullBackOff; `wait` are the seconds before another try is
    worth it, None where nobody knows.
    """

    def __init__(self, reason: str, message: str, *, wait: float | None = None) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(message)
