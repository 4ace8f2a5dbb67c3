"""Containers on this host: the records below the state root, and what the kernel says of their processes.

The record only says what to look for; whether a container is created, running, paused or stopped is read from the
kernel each time: its process by id and start time, its cgroup, and whether somebody holds the reading end of the
`start` fifo.
"""

from __future__ import annotations

import errno
import os
import select

from firkin.errors import FirkinError, NotFoundError, UsageError
from firkin.oci.json_text import parse
from firkin.runtime.status import CREATED, CREATING, PAUSED, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Container", "check_id", "container_ids", "open_process", "start_time"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ID_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
_LOCK_EX, _LOCK_SH_NB, _LOCK_EX_NB = 2, 1 | 4, 2 | 4


def check_id(id: str) -> None:
    """Raise UsageError unless `id` can name a container: letters, digits, `_`, `+`, `-` and, not first, `.`."""
    if not id or id[0] == "." or not _ID_CHARS.issuperset(id) or len(id) > 1024:
        raise UsageError(f"invalid container id {id!r}", hint="letters, digits, _ + - and . are allowed, . not first")


def container_ids(root: str) -> list[str]:
    """The ids of all containers below the state root, sorted; none if it does not exist."""
    try:
        with os.scandir(root) as entries:
            return sorted(e.name for e in entries if e.name[0] != "." and e.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def start_time(pid: int) -> int:
    """Start time of a process in clock ticks since boot, -1 if there is none (proc_pid_stat(5), field 22)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return -1


def open_process(pid: int, started: int) -> int:
    """A pidfd of the live process that has this id and start time, or -1."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return -1
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    if poller.poll(0) or start_time(pid) != started:
        os.close(pidfd)
        return -1
    return pidfd


class Container:
    """The record of one container, held by descriptor; a context manager.

    Raises UsageError for a malformed id, NotFoundError if there is no such container.
    """

    def __init__(self, root: str, id: str) -> None:
        check_id(id)
        self.id = id
        self.root = root
        try:
            self.fd = os.open(f"{root}/{id}", _DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f'container "{id}" does not exist') from None
        self._state: Mapping[str, object] | None = None

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self.fd)

    def lock(self) -> None:
        """Wait until nobody else changes the container. Raises NotFoundError if it was deleted meanwhile."""
        from fcntl import flock

        flock(self.fd, _LOCK_EX)
        self._state = None
        if not os.fstat(self.fd).st_nlink:
            raise NotFoundError(f'container "{self.id}" does not exist')

    def try_lock(self) -> bool:
        """Lock it as `lock` does if nobody else has it, and it was not deleted meanwhile; whether that is so."""
        from fcntl import flock

        try:
            flock(self.fd, _LOCK_EX_NB)
        except BlockingIOError:
            return False
        self._state = None
        return os.fstat(self.fd).st_nlink > 0

    def _is_locked(self) -> bool:
        from fcntl import flock

        fd = os.open(".", _DIRECTORY, dir_fd=self.fd)
        try:
            flock(fd, _LOCK_SH_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def read(self, file: str) -> bytes:
        """The content of one of the record's files. Raises FileNotFoundError."""
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)
        with open(fd, "rb") as opened:
            return opened.read()

    @property
    def state(self) -> Mapping[str, object]:
        """The record; empty if the runtime died before it was written."""
        if self._state is None:
            try:
                found = parse(self.read("state.json"), f"{self.root}/{self.id}/state.json")
            except FileNotFoundError:
                found = {}
            if not isinstance(found, dict):
                raise FirkinError(f"{self.root}/{self.id}/state.json: is not an object")
            self._state = found
        return self._state

    def text(self, key: str) -> str:
        """A text of the record, "" if it is not there."""
        value = self.state.get(key, "")
        return value if isinstance(value, str) else ""

    @property
    def pid(self) -> int:
        """Process id of the first process, 0 if it was never made."""
        value = self.state.get("pid", 0)
        return value if isinstance(value, int) else 0

    def open_process(self) -> int:
        """A pidfd of the first process, or -1 if it is not alive."""
        started = self.state.get("startTime")
        if not self.pid or not isinstance(started, int):
            return -1
        return open_process(self.pid, started)

    @property
    def cgroup(self) -> str:
        """Absolute path of the container's cgroup, "" if it was never made."""
        path = self.text("cgroup")
        if not path:
            return ""
        from firkin.cgroupfs.hierarchy import known_hierarchy

        return f"{known_hierarchy().mount}/{path}"

    def is_waiting(self) -> bool:
        """Whether the first process waits for `start`: then it holds the reading end of the fifo."""
        try:
            os.close(os.open("start", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd))
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT):
                return False
            raise
        return True

    def _is_frozen(self) -> bool:
        from firkin.cgroupfs.tree import Cgroup
        from firkin.errors import CgroupGoneError

        try:
            with Cgroup(self.cgroup) as cgroup:
                return cgroup.events().get("frozen") == 1
        except CgroupGoneError:
            return False

    def status(self) -> str:
        """One of the states of `firkin.runtime.status`."""
        pidfd = self.open_process()
        if pidfd < 0:
            return CREATING if not self.pid and self._is_locked() else STOPPED
        os.close(pidfd)
        if self._is_frozen():
            return PAUSED
        return CREATED if self.is_waiting() else RUNNING

    def config_text(self) -> bytes:
        """The configuration as it was at `create`. Raises FirkinError if the runtime died before it was written."""
        try:
            return self.read("config.json")
        except FileNotFoundError:
            raise FirkinError(f'container "{self.id}" has no configuration: its creation was interrupted') from None

    def remove(self) -> None:
        """Remove the record."""
        with os.scandir(self.fd) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            os.unlink(name, dir_fd=self.fd)
        os.rmdir(f"{self.root}/{self.id}")
