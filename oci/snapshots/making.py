"""Directories that are being made: locked by who makes them, emptied if a crash left them, moved into place at last."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

from firkin.errors import KernelError
from firkin.oci.snapshots.trees import remove_tree

__all__ = ["Making", "lock_directory", "try_lock"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Making:
    """A directory below `parent` that is locked by this object; `path` is what is filled, `work` is beside it.

    The filled directory has mode 0 at first: if an entry of an archive tells what the root is like it has another one
    in the end.
    """

    def __init__(self, parent: str, name: str, fd: int) -> None:
        self._parent = parent
        self._fd = fd
        self._place = f"{parent}/{name}"
        self.path = f"{self._place}/fs"
        self.work = f"{self._place}/work"

    @classmethod
    def begin(cls, parent: str, name: str, is_made: Callable[[], bool]) -> Making | None:
        """Wait until nobody else makes it; None if `is_made` then says that there is nothing left to do.

        Raises KernelError.
        """
        try:
            fd = lock_directory(f"{parent}/{name}", is_made)
        except OSError as error:
            raise KernelError(f"make {parent}/{name}", error.errno or 0) from error
        if fd < 0:
            return None
        made = cls(parent, name, fd)
        try:
            made._empty()
        except BaseException:
            made.close()
            raise
        return made

    def _empty(self) -> None:
        for left in os.listdir(self._place):
            remove_tree(f"{self._place}/{left}")
        try:
            os.mkdir(self.path, 0)
        except OSError as error:
            raise KernelError(f"make {self.path}", error.errno or 0) from error

    @classmethod
    def anonymous(cls, parent: str) -> Making:
        """A directory that nobody else knows of. Raises KernelError."""
        made = cls.begin(parent, f"private-{os.urandom(16).hex()}", lambda: False)
        assert made is not None
        return made

    def open(self) -> int:
        """A descriptor of the directory that is filled."""
        return os.open(self.path, _DIRECTORY)

    def go_private(self) -> Making:
        """The same content under a name that nobody else knows of: whoever waits for this one need not wait longer."""
        try:
            private = Making.anonymous(self._parent)
            try:
                os.rename(self.path, private.path)
            except OSError as error:
                private.close()
                raise KernelError(f"move {self.path}", error.errno or 0) from error
        finally:
            self.close()
        return private

    def close(self) -> None:
        """Remove what was not moved away, and unlock it."""
        if self._fd < 0:
            return
        try:
            remove_tree(self._place)
        finally:
            os.close(self._fd)
            self._fd = -1


def lock_directory(path: str, is_made: Callable[[], bool]) -> int:
    """A descriptor of the locked directory, made if need be; -1 if `is_made` says that it is not needed any more."""
    while not is_made():
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        try:
            fd = os.open(path, _DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if _is_same(fd, path) and not is_made():
                return fd
        except BaseException:
            os.close(fd)
            raise
        # It was moved or removed while its lock was waited for.
        os.close(fd)
    return -1


def try_lock(path: str) -> int:
    """A descriptor of a directory that nobody has locked, now locked; -1 if somebody has, or if it is gone."""
    try:
        fd = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_same(fd, path):
            return fd
    except BlockingIOError:
        pass
    os.close(fd)
    return -1


def _is_same(fd: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return there.st_ino == os.fstat(fd).st_ino
