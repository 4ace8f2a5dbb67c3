"""Reading files of a root file system that is not trusted: links lead nowhere but inside of it."""

from __future__ import annotations

import errno
import os
import stat

from firkin.errors import ImageError
from firkin.oci._resolve import lib

__all__ = ["is_inside", "read_inside", "read_users"]

_MOST_PASSWD = 1 << 20


def is_inside(root: int, path: str) -> bool:
    """Whether there is a file or a directory at `path` below the open directory `root`. Raises ImageError."""
    fd = lib.resolve_open(root, os.fsencode(path), os.O_PATH)
    if fd >= 0:
        os.close(fd)
        return True
    if -fd in (errno.ENOENT, errno.ENOTDIR):
        return False
    raise ImageError(f"open {path} of the image: {os.strerror(-fd)}")


def read_inside(root: int, path: str, most: int) -> str:
    """The text of a file below the open directory `root`, "" if there is none.

    Parameters: `most` are the bytes beyond which it is not read.
    Raises ImageError for what is no regular file, is too long, or is no UTF-8 text.
    """
    # A fifo would wait for a writer.
    fd = lib.resolve_open(root, os.fsencode(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    if fd < 0:
        if -fd in (errno.ENOENT, errno.ENOTDIR):
            return ""
        raise ImageError(f"open {path} of the image: {os.strerror(-fd)}")
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} of the image: is no regular file")
        if status.st_size > most:
            raise ImageError(f"{path} of the image: has {status.st_size} bytes, more than {most}")
        return os.pread(fd, most, 0).decode()
    except UnicodeDecodeError as error:
        raise ImageError(f"{path} of the image: is no UTF-8 text at byte {error.start}") from None
    finally:
        os.close(fd)


def read_users(root: int) -> tuple[str, str]:
    """The texts of /etc/passwd and /etc/group below the open directory `root`, "" where there is none.

    Raises ImageError as `read_inside`.
    """
    return read_inside(root, "etc/passwd", _MOST_PASSWD), read_inside(root, "etc/group", _MOST_PASSWD)
