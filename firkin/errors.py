"""The one exception tree.

Every failure that a user can meet is a subclass of `FirkinError`; the command line prints its
text as one line and exits with `exit_code`, servers map the class to their own codes. Nothing
here may import anything heavy: the module is on every start path.
"""

from __future__ import annotations

import errno as _errno
import os

__all__ = [
    "AlreadyExistsError",
    "CgroupError",
    "ConfigError",
    "ExecutableError",
    "FirkinError",
    "HookError",
    "KernelError",
    "NotFoundError",
    "StateError",
    "UnsupportedError",
    "UsageError",
]


class FirkinError(Exception):
    """Base of all errors of firkin.

    Parameters: `message` says what was tried, on what, and why it failed; `hint` says what the
    user can do about it, and is left out where there is nothing to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(FirkinError):
    """The command line itself is wrong."""


class ConfigError(FirkinError):
    """A document is wrong. `path` is the place inside it, such as `mounts[3].type`."""

    def __init__(self, path: str, reason: str, *, document: str = "config.json", hint: str = "") -> None:
        self.path = path
        self.document = document
        self.reason = reason
        super().__init__(f"{document}: {path}: {reason}" if path else f"{document}: {reason}", hint=hint)


class UnsupportedError(ConfigError):
    """The document asks for something that this host or this version can not do exactly."""


class KernelError(FirkinError):
    """A system call failed. `errno` is the kernel's answer, `what` the operation and its object."""

    def __init__(self, what: str, errno: int, *, hint: str = "") -> None:
        self.errno = errno
        self.what = what
        super().__init__(f"{what}: {os.strerror(errno)} [{_errno.errorcode.get(errno, errno)}]", hint=hint)


class ExecutableError(FirkinError):
    """The program of the container can not be executed; 127 if it is absent, else 126."""

    def __init__(self, message: str, *, found: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 126 if found else 127


class HookError(FirkinError):
    """A lifecycle hook failed, or did not end in its time."""


class CgroupError(FirkinError):
    """A cgroup can not be made, limited or removed as asked."""


class NotFoundError(FirkinError):
    """The named object does not exist."""


class AlreadyExistsError(FirkinError):
    """The name is taken."""


class StateError(FirkinError):
    """The object is in a state that does not allow the request."""
