"""One cgroup of the tree: freeze, kill, wait, remove. Waiting is on the kernel's notification, never a sleep.

Source: Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files".
"""

from __future__ import annotations

import os
import select

from firkin.errors import CgroupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cgroup"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Cgroup:
    """A cgroup, held by descriptor; close it, or use it as a context manager.

    Parameters: `path` is absolute; `parent` and `name` open a child instead.
    Raises FileNotFoundError if it does not exist.
    """

    def __init__(self, path: str, *, dir_fd: int | None = None) -> None:
        self.path = path
        self._fd = os.open(path, _DIRECTORY, dir_fd=dir_fd)

    def __enter__(self) -> Cgroup:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, file: str) -> str:
        """The text of an interface file. Raises CgroupError naming it."""
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                parts = []
                while part := os.read(fd, 65536):
                    parts.append(part)
            finally:
                os.close(fd)
        except OSError as error:
            raise CgroupError(f"read {self.path}/{file}: {error.strerror}") from error
        return b"".join(parts).decode()

    def write(self, file: str, value: str) -> None:
        """Write an interface file in one write. Raises CgroupError naming file and value."""
        try:
            fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise CgroupError(f"write {value!r} to {self.path}/{file}: {error.strerror}") from error

    def events(self) -> dict[str, int]:
        """The keys of cgroup.events: `populated` and `frozen`."""
        return {key: int(value) for key, value in (line.split() for line in self.read("cgroup.events").splitlines())}

    def _wait(self, key: str, value: int, timeout_ms: int) -> None:
        # The kernel wakes a poller for POLLPRI at each change; reading arms it again.
        fd = os.open("cgroup.events", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            poller = select.poll()
            poller.register(fd, select.POLLPRI)
            while f"{key} {value}" not in os.pread(fd, 4096, 0).decode().splitlines():
                if not poller.poll(timeout_ms):
                    raise CgroupError(f"wait for {key} {value} in {self.path}/cgroup.events: timed out")
        finally:
            os.close(fd)

    def wait_empty(self, timeout_ms: int = 10_000) -> None:
        """Wait until no live process is left in the subtree. Raises CgroupError after `timeout_ms` without a change."""
        self._wait("populated", 0, timeout_ms)

    def freeze(self, timeout_ms: int = 10_000) -> None:
        """Stop all processes of the subtree, and wait until they stand still."""
        self.write("cgroup.freeze", "1")
        self._wait("frozen", 1, timeout_ms)

    def thaw(self, timeout_ms: int = 10_000) -> None:
        """Let the processes of the subtree go on, and wait until they do."""
        self.write("cgroup.freeze", "0")
        self._wait("frozen", 0, timeout_ms)

    def kill(self) -> None:
        """SIGKILL every process of the subtree, also those being forked meanwhile (Linux 5.14)."""
        self.write("cgroup.kill", "1")

    def children(self) -> Iterator[Cgroup]:
        """The child cgroups, each open while it is handed out."""
        with os.scandir(self._fd) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in names:
            try:
                child = Cgroup(name, dir_fd=self._fd)
            except FileNotFoundError:
                continue
            child.path = f"{self.path}/{name}"
            with child:
                yield child

    def pids(self) -> list[int]:
        """Process ids of the whole subtree, as this process's pid namespace sees them."""
        found = [int(line) for line in self.read("cgroup.procs").split()]
        for child in self.children():
            found += child.pids()
        return found

    def remove_children(self) -> None:
        """Remove all cgroups below this one; they must be empty. Raises CgroupError."""
        for child in self.children():
            child.remove_children()
            name = child.path.rpartition("/")[2]
            try:
                os.rmdir(name, dir_fd=self._fd)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CgroupError(f"remove cgroup {child.path}: {error.strerror}") from error

    @staticmethod
    def destroy(path: str) -> None:
        """Kill what runs in the cgroup, wait, and remove it with all below it. It may be gone already."""
        try:
            cgroup = Cgroup(path)
        except FileNotFoundError:
            return
        with cgroup:
            if cgroup.events().get("populated"):
                cgroup.kill()
                cgroup.wait_empty()
            cgroup.remove_children()
            try:
                os.rmdir(path)
            except FileNotFoundError:
                return
            except OSError as error:
                raise CgroupError(f"remove cgroup {path}: {error.strerror}") from error
