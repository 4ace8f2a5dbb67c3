"""A cgroup of the tree: its children, its processes, freeze, kill, wait, remove.

Waiting is on the kernel's notification, never a sleep. On the start path of the command: what is rarely used is
imported where it is.
Source: Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files".
"""

from __future__ import annotations

import os
import select

from firkin.cgroupfs.controlled import Controlled
from firkin.cgroupfs.handle import Handle, check_path, open_directory
from firkin.errors import CgroupGoneError, CgroupPermissionError, CgroupTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from firkin.cgroupfs.spawn import Spawned
    from firkin.errors import CgroupError

__all__ = ["Cgroup"]

_CHILD = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Cgroup(Controlled):
    """A cgroup, held by descriptor; close it, or use it as a context manager.

    Parameters: `path` is relative to the mount of cgroup v2 ("." is the root), or the absolute path of a directory
    in it.
    Raises CgroupPathError for a malformed path and for what is no cgroup of version 2, CgroupGoneError if there is
    none.
    """

    def __init__(self, path: str) -> None:
        if not path.startswith("/"):
            from firkin.cgroupfs.hierarchy import known_hierarchy

            relative, mount = check_path(path), known_hierarchy().mount
            path = mount if relative == "." else f"{mount}/{relative}"
        super().__init__(path, open_directory(path))

    @classmethod
    def make(cls, path: str, controllers: Iterable[str] = ()) -> Cgroup:
        """Make the cgroup at `path`, relative to the mount, and what is missing above it; it may exist already.

        Parameters: `controllers` are those that it shall have: its ancestors are made to give them, from the top.
        Raises CgroupError, ControllerError; what was made or enabled on the way is undone then.
        """
        from firkin.cgroupfs.making import make

        return make(path, tuple(controllers))

    def child(self, name: str) -> Cgroup:
        """The child cgroup. Raises CgroupGoneError."""
        child = object.__new__(Cgroup)
        try:
            fd = os.open(_one_name(name), _CHILD, dir_fd=self.fileno())
        except OSError as error:
            raise self._tree_failed("open", name, error) from error
        Handle.__init__(child, f"{self.path}/{name}", fd)
        return child

    def make_child(self, name: str, *, exist_ok: bool = False) -> Cgroup:
        """Make a child and open it. Raises CgroupError, CgroupLimitError where a limit of the tree is reached."""
        try:
            os.mkdir(_one_name(name), 0o755, dir_fd=self.fileno())
        except FileExistsError as error:
            if not exist_ok:
                raise self._tree_failed("make", name, error) from error
        except OSError as error:
            raise self._tree_failed("make", name, error) from error
        return self.child(name)

    def children(self) -> Iterator[Cgroup]:
        """The child cgroups, each open while it is handed out."""
        try:
            with os.scandir(self.fileno()) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            raise self._tree_failed("list", "", error) from error
        for name in names:
            try:
                child = self.child(name)
            except CgroupGoneError:
                continue
            with child:
                yield child

    def walk(self) -> Iterator[Cgroup]:
        """This cgroup and all below it, parents before children, each open while it is handed out."""
        yield self
        for child in self.children():
            yield from child.walk()

    def processes(self, *, recursive: bool = True) -> list[int]:
        """Process ids, of the whole subtree if `recursive`, as this process's pid namespace sees them."""
        found = [int(line) for line in self.read("cgroup.procs").split()]
        for child in self.children() if recursive else ():
            try:
                found += child.processes()
            except CgroupGoneError:
                continue
        return found

    def enable(self, controllers: Iterable[str]) -> None:
        """Give the controllers to the children, all or none, from the root of the hierarchy downwards.

        Raises ControllerError or CgroupBusyError naming the ancestor that refuses, and why.
        """
        from firkin.cgroupfs.enabling import enable

        enable(self, tuple(controllers))

    def disable(self, controllers: Iterable[str]) -> None:
        """No longer give the controllers to the children. Raises CgroupBusyError if they use them."""
        self.write("cgroup.subtree_control", " ".join(f"-{name}" for name in controllers))

    def move(self, pid: int) -> None:
        """Move a process here, with all its threads, 0 for the caller.

        This stops every fork, exec and exit of the machine for a moment, and what memory the process has stays charged
        to the cgroup it leaves: where a process can be started in its cgroup, use `spawn`.
        Raises CgroupBusyError, CgroupPermissionError, CgroupTopologyError with what to do. Whether it is permitted the
        kernel decides; `containment.check_move` tells beforehand, and which rule was broken afterwards.
        """
        try:
            self.core.procs = pid
        except CgroupPermissionError as error:
            from firkin.cgroupfs.containment import explain_refusal

            raise explain_refusal(self, pid, error) from error

    def move_thread(self, tid: int) -> None:
        """Move one thread inside of its process's threaded subtree. Raises CgroupTopologyError and others as `move`."""
        self.core.threads = tid

    def spawn(
        self, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None,
        stdin: int = -1, output: int = -1, keep: Sequence[int] = (),
    ) -> Spawned:  # fmt: skip
        """Start a program as a process that is in this cgroup from its first instant (CLONE_INTO_CGROUP, Linux 5.7).

        Parameters: `arguments` begin with the program, looked up in PATH; `environment` is the caller's if None;
        `stdin` and `output` are descriptors, -1 for the caller's; `keep` are up to two more that it inherits.
        Raises ExecutableError, CgroupError.
        """
        from firkin.cgroupfs.spawn import spawn

        return spawn(self, arguments, environment, stdin, output, keep)

    def events(self) -> dict[str, int]:
        """The keys of cgroup.events: `populated` and `frozen`."""
        return {key: int(value) for key, value in (line.split() for line in self.read("cgroup.events").splitlines())}

    def _wait(self, key: str, value: int, timeout_ms: int) -> None:
        # The kernel wakes a poller for POLLPRI at each change; reading arms it again.
        fd = self.open("cgroup.events", os.O_RDONLY)
        try:
            poller = select.poll()
            poller.register(fd, select.POLLPRI)
            while f"{key} {value}" not in os.pread(fd, 4096, 0).decode().splitlines():
                if not poller.poll(timeout_ms):
                    file = f"{self.path}/cgroup.events"
                    raise CgroupTimeoutError(f"wait for {key} {value} in {file}: timed out", verb="wait", file=file)
        except OSError as error:
            raise self._failed("read", "cgroup.events", error) from error
        finally:
            os.close(fd)

    def wait_empty(self, timeout_ms: int = 10_000) -> None:
        """Wait until no live process is left in the subtree. Raises CgroupTimeoutError when nothing changes so long."""
        self._wait("populated", 0, timeout_ms)

    def freeze(self, timeout_ms: int = 10_000) -> None:
        """Stop all processes of the subtree, and wait until they stand still. Raises CgroupTimeoutError."""
        self.write("cgroup.freeze", "1")
        self._wait("frozen", 1, timeout_ms)

    def thaw(self, timeout_ms: int = 10_000) -> None:
        """Let the processes of the subtree go on, and wait until they do. Raises CgroupTimeoutError."""
        self.write("cgroup.freeze", "0")
        self._wait("frozen", 0, timeout_ms)

    def kill(self) -> None:
        """SIGKILL every process of the subtree, also those being forked meanwhile (Linux 5.14)."""
        self.write("cgroup.kill", "1")

    def remove_child(self, name: str) -> None:
        """Remove a child, which has no process and no child; it may be gone already. Raises CgroupBusyError."""
        try:
            os.rmdir(_one_name(name), dir_fd=self.fileno())
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._tree_failed("remove", name, error) from error

    def remove_children(self) -> None:
        """Remove all cgroups below this one; they must be empty. Raises CgroupBusyError."""
        for child in self.children():
            child.remove_children()
            self.remove_child(child.path.rpartition("/")[2])

    @staticmethod
    def destroy(path: str) -> None:
        """Kill what runs in the cgroup at `path`, wait, and remove it with all below it. It may be gone already.

        Parameters: `path` is as for the constructor. Raises CgroupError.
        """
        try:
            cgroup = Cgroup(path)
            with cgroup:
                if cgroup.events().get("populated"):
                    cgroup.kill()
                    cgroup.wait_empty()
                cgroup.remove_children()
                os.rmdir(cgroup.path)
        except (FileNotFoundError, CgroupGoneError):
            return
        except OSError as error:
            from firkin.cgroupfs.failure import failed

            raise failed("remove", path, error) from error

    def _tree_failed(self, verb: str, name: str, error: OSError) -> CgroupError:
        from firkin.cgroupfs.failure import failed

        return failed(verb, f"{self.path}/{name}".rstrip("/"), error)


def _one_name(name: str) -> str:
    if "/" in name or name in ("", ".", ".."):
        from firkin.errors import CgroupPathError

        raise CgroupPathError(f"cgroup {name!r}: is not the name of one cgroup", file=name)
    return check_path(name)
