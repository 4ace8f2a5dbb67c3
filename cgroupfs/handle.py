"""A cgroup's directory, held by descriptor, and its interface files by name.

On the start path of the command: imports next to nothing.
Source: Documentation/admin-guide/cgroup-v2.rst, "Interface Files".
"""

from __future__ import annotations

import errno
import os

from firkin.errors import CgroupGoneError, CgroupPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from firkin.errors import CgroupError

__all__ = ["Handle", "check_path", "open_directory"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def check_path(path: str) -> str:
    """The path of a cgroup relative to the hierarchy's mount, without superfluous slashes; "." is its root.

    Raises CgroupPathError for one that is empty, absolute, has `..`, or bytes that no name can have.
    """
    hint = "a path such as a/b is relative to the mount of cgroup v2; its root is ."
    if path.startswith("/"):
        raise CgroupPathError(f"cgroup {path!r}: is absolute", file=path, hint=hint)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for reason, is_wrong in (
        ("is empty", not path),
        ("leads out of the hierarchy", ".." in parts),
        ("has a newline or a null byte", "\n" in path or "\0" in path),
        ("has a name of more than 255 bytes", any(len(os.fsencode(part)) > 255 for part in parts)),
    ):
        if is_wrong:
            raise CgroupPathError(f"cgroup {path!r}: {reason}", file=path, hint=hint)
    return "/".join(parts) or "."


def open_directory(path: str) -> int:
    """A descriptor of the cgroup's directory at the absolute `path`.

    Raises CgroupGoneError if there is none, CgroupPathError if it is no cgroup of version 2.
    """
    from firkin.cgroupfs.hierarchy import is_cgroup2

    try:
        fd = os.open(path, _DIRECTORY)
    except FileNotFoundError as error:
        raise _not_found(path) from error
    except OSError as error:
        raise _open_failed(path, error) from error
    if not is_cgroup2(fd):
        os.close(fd)
        raise CgroupPathError(f"open {path}: is not in a cgroup2 file system", verb="open", file=path)
    return fd


def _not_found(path: str) -> CgroupError:
    from firkin.cgroupfs.hierarchy import known_hierarchy

    mount = known_hierarchy().mount
    if path.startswith(f"{mount}/"):
        return CgroupGoneError(f"open {path}: there is no such cgroup", verb="open", file=path, errno=errno.ENOENT)
    hint = f"the path of a cgroup is relative to {mount}: {path.strip('/')}"
    return CgroupPathError(f"open {path}: there is no such directory", verb="open", file=path, hint=hint)


def _open_failed(path: str, error: OSError) -> CgroupError:
    from firkin.cgroupfs.failure import failed

    return failed("open", path, error)


class Handle:
    """An open directory of a cgroup; close it, or use it as a context manager.

    `path` is absolute, for people: all access is by the descriptor.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def fileno(self) -> int:
        """The descriptor, which stays this object's. Raises ValueError once it is closed."""
        if self._fd < 0:
            raise ValueError(f"{self.path} is closed")
        return self._fd

    def close(self) -> None:
        """Release the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def open(self, file: str, flags: int) -> int:
        """A descriptor of an interface file, close-on-exec. Raises CgroupError."""
        try:
            return os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fileno())
        except OSError as error:
            verb = "read" if flags & os.O_ACCMODE == os.O_RDONLY else "write"
            raise self._failed(verb, file, error) from error

    def has(self, file: str) -> bool:
        """Whether the cgroup has the interface file. Raises CgroupGoneError."""
        return os.access(file, os.F_OK, dir_fd=self.fileno(), follow_symlinks=False) or self._is_there()

    def _is_there(self) -> bool:
        # False, for the caller to say that it is the file that is missing.
        if not os.access("cgroup.procs", os.F_OK, dir_fd=self.fileno()):
            raise CgroupGoneError(f"{self.path}: the cgroup was removed", file=self.path, errno=errno.ENOENT)
        return False

    def read(self, file: str) -> str:
        """The text of an interface file. Raises CgroupError naming it."""
        fd = self.open(file, os.O_RDONLY)
        try:
            parts = []
            while part := os.read(fd, 65536):
                parts.append(part)
        except OSError as error:
            raise self._failed("read", file, error) from error
        finally:
            os.close(fd)
        return b"".join(parts).decode()

    def write(self, file: str, value: str) -> None:
        """Write an interface file in one write. Raises CgroupError naming file and value."""
        try:
            fd = os.open(file, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fileno())
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise self._failed("write", file, error, value) from error

    def _failed(self, verb: str, file: str, error: OSError, value: str | None = None) -> CgroupError:
        from firkin.cgroupfs.failure import failed, missing

        if error.errno == errno.ENOENT and not self.has(file):
            return missing(self, verb, file, value)
        return failed(verb, f"{self.path}/{file}", error, value)
