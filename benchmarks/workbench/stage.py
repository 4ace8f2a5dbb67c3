"""Where experiments happen: a cgroup of their own, with loads in groups below it; nothing is left of it.

A stage is named after the process that made it, so what a killed one left is known, and removed by the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.spawn import Spawned
from firkin.errors import CgroupBusyError

__all__ = ["PROGRAM", "Load", "Stage", "opened_stage"]

Entered = TypeVar("Entered")

_PLACE = "firkin-bench"
PROGRAM = os.path.join(os.path.dirname(__file__), "firkin-load")


class Load:
    """A running load: `process`, and what it says on its standard output."""

    def __init__(self, process: Spawned, output: int) -> None:
        self.process = process
        self._output = os.fdopen(output, "r", encoding="ascii")

    def said(self) -> list[str]:
        """The words of its next line; none if it ended without one."""
        return self._output.readline().split()

    def close(self) -> None:
        """Kill it and reap it."""
        with self.process:
            self._output.close()


class Stage:
    """The groups and loads of one run of one experiment."""

    def __init__(self, top: Cgroup, controllers: Sequence[str]) -> None:
        self.top = top
        self._controllers = controllers
        self._groups: dict[str, Cgroup] = {"": top}
        self._parts = ExitStack()

    def group(self, path: str, **files: str) -> Cgroup:
        """Make a group below the stage, with its interface files set (`cpu_weight="200"`). Raises CgroupError."""
        parent, _, name = path.rpartition("/")
        above = self._groups[parent]
        above.enable(self._controllers)
        made = self._groups[path] = self._parts.enter_context(above.make_child(name))
        for file, value in files.items():
            made.write(file.replace("_", "."), value)
        return made

    def at(self, path: str) -> Cgroup:
        """A group that was made before."""
        return self._groups[path]

    def enter(self, context: AbstractContextManager[Entered]) -> Entered:
        """Enter a context that is left after the loads that are started from now on have ended."""
        return self._parts.enter_context(context)

    def load(self, group: Cgroup, *words: object) -> Load:
        """Start firkin-load in a group. Raises CgroupError, ExecutableError."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            load = Load(group.spawn([PROGRAM, *map(str, (os.getpid(), *words))], output=writing), reading)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._parts.callback(load.close)
        return load

    def settle(self, seconds: float) -> None:
        """Let the loads run for a while that does not count."""
        time.sleep(seconds)

    def usage(self, groups: Iterable[str], seconds: float) -> dict[str, float]:
        """Processors that each of some groups uses, over so many seconds from now."""
        paths = list(groups)
        before, began = [self._used(path) for path in paths], time.monotonic()
        time.sleep(seconds)
        after, ended = [self._used(path) for path in paths], time.monotonic()
        spans = zip(paths, before, after, strict=True)
        return {path: (last - first) / 1e6 / (ended - began) for path, first, last in spans}

    def _used(self, path: str) -> int:
        return self._groups[path].cpu.stat["usage_usec"]

    def close(self) -> None:
        """End the loads and remove the groups."""
        self.top.kill()
        self._parts.close()
        self.top.wait_empty()
        self.top.remove_children()


@contextmanager
def opened_stage(controllers: Sequence[str]) -> Iterator[Stage]:
    """A stage for one experiment. Raises ControllerError where the machine has not what it needs, CgroupError."""
    name = f"run-{os.getpid()}-{os.urandom(4).hex()}"
    with Cgroup.make(_PLACE, controllers) as place:
        _remove_left(place)
        place.enable(controllers)
        try:
            with place.make_child(name) as top:
                stage = Stage(top, controllers)
                try:
                    yield stage
                finally:
                    stage.close()
        finally:
            place.remove_child(name)
            _leave()


def _leave() -> None:
    with Cgroup(".") as root:
        try:
            root.remove_child(_PLACE)
        except CgroupBusyError:
            # Somebody else's run goes on.
            return


def _remove_left(place: Cgroup) -> None:
    for left in list(place.children()):
        pid = left.path.rpartition("/")[2].split("-")[1:2]
        if pid and not (pid[0].isdecimal() and os.path.exists(f"/proc/{pid[0]}")):
            Cgroup.destroy(left.path)
