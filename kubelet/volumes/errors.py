"""Why a volume can not be had."""

from __future__ import annotations

from firkin.errors import FirkinError

__all__ = ["VolumeError"]


class VolumeError(FirkinError):
    """A volume can not be set up, mounted or taken away.

    `volume` is its name in the pod, "" where all are meant; the text of the event FailedMount is the message.
    """

    def __init__(self, message: str, *, volume: str = "", hint: str = "") -> None:
        self.volume = volume
        super().__init__(message, hint=hint)
