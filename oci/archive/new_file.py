"""A file that is there as a whole or not at all, also if whoever writes it is killed."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager

from firkin.errors import AlreadyExistsError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["new_file"]

# Of a file system, or a kernel before 3.11, that has no files without a name.
_UNKNOWN = frozenset({errno.EOPNOTSUPP, errno.EISDIR})


@contextmanager
def new_file(path: str) -> Iterator[int]:
    """A descriptor to write to; when it is left without an error, there is a file at `path`, which was none.

    A pipe or a device that is there is written as it is. Raises AlreadyExistsError, KernelError.
    """
    try:
        fd, is_linked = _open(path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise KernelError(f"make {path}", error.errno or 0) from error
    try:
        yield fd
        if not is_linked:
            _link(fd, path)
    except BaseException:
        if stat.S_ISREG(os.fstat(fd).st_mode) and is_linked:
            os.unlink(path)
        raise
    finally:
        os.close(fd)


def _open(path: str) -> tuple[int, bool]:
    # The descriptor, and whether the file has its name already.
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            raise FileExistsError(path)
        return os.open(path, flags), True
    try:
        return os.open(os.path.dirname(path) or ".", flags | os.O_TMPFILE, 0o666), False
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666), True


def _link(fd: int, path: str) -> None:
    try:
        # Without a directory it would be link(2), which does not follow the link of procfs.
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise KernelError(f"make {path}", error.errno or 0) from error


def _taken(path: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"write {path}: it exists already", hint="name a file to make")
