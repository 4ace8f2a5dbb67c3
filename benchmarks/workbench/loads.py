"""Loads that experiments put into groups: `firkin-load` (csrc/load.c), started in the group it is for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.spawn import Spawned
from firkin.errors import CgroupError
from firkin.workbench.measurement import Distribution

__all__ = ["PROGRAM", "Load", "start_load"]

PROGRAM = os.path.join(os.path.dirname(__file__), "firkin-load")
"""The program of all loads."""


class Load:
    """A running load: `process`, and what it says on its standard output."""

    def __init__(self, process: Spawned, output: int) -> None:
        self.process = process
        self._output = os.fdopen(output, "r", encoding="ascii")

    def said(self) -> list[str]:
        """The words of its next line; none if it ended without one."""
        return self._output.readline().split()

    def told(self, word: str) -> list[str]:
        """The words behind `word`, with which its next line begins. Raises CgroupError if it ended instead."""
        first, *rest = self.said() or [""]
        if first != word:
            raise CgroupError(f"load {self.process.pid}: ended before it said '{word}'")
        return rest

    def counted(self, unit: str, nanoseconds: float) -> Distribution:
        """The durations that it counted (csrc/load_histogram.h), in a `unit` of so many nanoseconds."""
        counts = []
        while len(words := self.said()) == 3:
            counts.append((int(words[1]) / nanoseconds, int(words[2])))
        return Distribution(unit, counts)

    def close(self) -> None:
        """Kill it and reap it."""
        with self.process:
            self._output.close()


def start_load(group: Cgroup, words: Sequence[object], given: str = "") -> Load:
    """Start firkin-load in a group; `given` is its standard input. Raises CgroupError, ExecutableError."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    stdin = _holding(given)
    try:
        process = group.spawn([PROGRAM, *map(str, (os.getpid(), *words))], stdin=stdin, output=writing)
        return Load(process, reading)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
        os.close(stdin)


def _holding(text: str) -> int:
    fd = os.memfd_create("firkin-load", os.MFD_CLOEXEC)
    os.write(fd, text.encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
