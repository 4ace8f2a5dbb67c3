"""Where experiments happen: a cgroup of their own, with loads in groups below it; nothing is left of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

from firkin.cgroupfs import Cgroup
from firkin.workbench.loads import PROGRAM, Load, start_load
from firkin.workbench.signals import held_back
from firkin.workbench.use_over_time import UseOverTime

__all__ = ["PROGRAM", "Load", "Stage"]

Entered = TypeVar("Entered")


class Stage:
    """The groups and loads of one run of one experiment."""

    def __init__(self, place: Cgroup, top: Cgroup, controllers: Sequence[str]) -> None:
        self._place, self.top = place, top
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

    def partition(self, path: str, cpus: Iterable[int], kind: str) -> str:
        """Make a group, and what is above it, a partition of some processors: `root` or `isolated`.

        Returns why the kernel would not, "" if it did. Raises CgroupError.
        """
        names = path.split("/")
        line = [self._place, self.top, *(self._groups["/".join(names[: end + 1])] for end in range(len(names)))]
        for group in line:
            group.cpuset.cpus = set(cpus)
            group.cpuset.cpus_partition = kind if group is line[-1] else "root"
        reasons = ((group.path, group.cpuset.cpus_partition.invalid) for group in line)
        return next((f"{path}: {why}" for path, why in reasons if why), "")

    def load(self, group: Cgroup, *words: object, given: str = "") -> Load:
        """Start firkin-load in a group; `given` is its standard input. Raises CgroupError, ExecutableError."""
        with held_back():
            load = start_load(group, words, given)
            self._parts.callback(load.close)
        return load

    def settle(self, seconds: float) -> None:
        """Let the loads run for a while that does not count."""
        time.sleep(seconds)

    def usage(self, groups: Iterable[str], seconds: float) -> dict[str, float]:
        """Processors that each of some groups uses, over so many seconds from now."""
        watch = self.over_time(groups, seconds)
        watch.go_on(seconds)
        return watch.used()

    def over_time(self, groups: Iterable[str], step: float) -> UseOverTime:
        """Begin to watch what some groups use, in steps of so many seconds."""
        return UseOverTime({path: self._groups[path] for path in groups}, step)

    def close(self) -> None:
        """End the loads and remove the groups."""
        self.top.kill()
        self._parts.close()
        self.top.wait_empty()
        self.top.remove_children()
