"""Why a guest can not be started."""

from __future__ import annotations

__all__ = ["VmError"]


class VmError(Exception):
    """The guest can not be started; `hint` is what the user can do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint
