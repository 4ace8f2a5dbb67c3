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
    "CgroupBusyError",
    "CgroupError",
    "CgroupFileError",
    "CgroupGoneError",
    "CgroupLimitError",
    "CgroupPathError",
    "CgroupPermissionError",
    "CgroupReclaimError",
    "CgroupTimeoutError",
    "CgroupTopologyError",
    "CgroupValueError",
    "ConfigError",
    "ControllerError",
    "DeadlineError",
    "ExecutableError",
    "FirkinError",
    "HookError",
    "ImageError",
    "ImageNameError",
    "KernelError",
    "NetworkError",
    "NotFoundError",
    "PolicyError",
    "RegistryAccessError",
    "RegistryError",
    "RegistryMissingError",
    "ResourceExhaustedError",
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
    """A cgroup can not be made, read, limited or removed as asked.

    `verb` is what was tried, `file` the path of the cgroup or of its interface file, `value` what was written,
    `errno` the kernel's answer, 0 where it was not asked.
    """

    def __init__(
        self, message: str, *, verb: str = "", file: str = "", value: str | None = None, errno: int = 0, hint: str = ""
    ) -> None:
        self.verb = verb
        self.file = file
        self.value = value
        self.errno = errno
        super().__init__(message, hint=hint)


class CgroupPathError(CgroupError):
    """The path is malformed, leads out of the hierarchy, or is not one of cgroup v2."""


class CgroupValueError(CgroupError):
    """The value is out of range, of the wrong unit or form, or contradicts another one."""


class CgroupFileError(CgroupError):
    """This kernel, or this cgroup, has no such interface file."""


class ControllerError(CgroupError):
    """A controller is not here: not enabled, refused by an ancestor, bound to cgroup v1, or unknown."""


class CgroupBusyError(CgroupError):
    """Processes or children are in the way (EBUSY)."""


class CgroupLimitError(CgroupError):
    """A limit of the tree, or a lack of what would be given out, is in the way (EAGAIN, ENOSPC)."""


class CgroupReclaimError(CgroupError):
    """Less memory could be reclaimed than was asked for (EAGAIN)."""


class CgroupGoneError(CgroupError):
    """The cgroup was removed (ENODEV, ENOENT)."""


class CgroupPermissionError(CgroupError):
    """Not permitted, by file modes or by the rules of delegation (EACCES, EPERM, EROFS)."""


class CgroupTopologyError(CgroupError):
    """Threaded and domain cgroups do not go together like this (EOPNOTSUPP)."""


class CgroupTimeoutError(CgroupError):
    """What was waited for did not come in time."""


class NetworkError(FirkinError):
    """A pod's network can not be made, checked or removed as asked.

    `transient` says that another try may go well (CNI specification, error code 11).
    """

    def __init__(self, message: str, *, transient: bool = False, hint: str = "") -> None:
        self.transient = transient
        super().__init__(message, hint=hint)


class ImageError(FirkinError):
    """An image, or what a registry says of one, is not as it must be."""


class ImageNameError(ImageError):
    """What is to be the name of an image is none."""


class PolicyError(ImageError):
    """The policy of this machine does not allow an image, or can not be understood."""


class NotFoundError(FirkinError):
    """The named object does not exist."""


class RegistryError(ImageError):
    """A registry can not be reached, refuses, or does not keep to its protocol.

    `host` is who was asked, `status` its HTTP status, 0 where none came; `transient` says that another try may go
    well, `wait` after how many seconds the registry wants it, None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str,
        status: int = 0,
        transient: bool = False,
        wait: float | None = None,
        hint: str = "",
    ) -> None:
        self.host = host
        self.status = status
        self.transient = transient
        self.wait = wait
        super().__init__(message, hint=hint)


class RegistryAccessError(RegistryError):
    """The registry wants other credentials, or none would do (401, 403)."""


class RegistryMissingError(RegistryError, NotFoundError):
    """The registry has no such repository, image or blob (404)."""


class AlreadyExistsError(FirkinError):
    """The name is taken."""


class StateError(FirkinError):
    """The object is in a state that does not allow the request."""


class DeadlineError(FirkinError):
    """It did not come to an end in its time."""


class ResourceExhaustedError(FirkinError):
    """So much of this kind is under way that no more is taken on until some of it ends."""
