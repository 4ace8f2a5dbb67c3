"""What else happens on a host: a control run without an experiment."""

from __future__ import annotations

import math
import os
from dataclasses import astuple, dataclass

from firkin.cgroupfs import Cgroup
from firkin.workbench.loads import Load
from firkin.workbench.place import opened_stage

__all__ = ["QUIET", "TOLERABLE", "Control", "Noise", "listen"]

TOLERABLE = 0.02
"""The part of a processor up to which noise is not worth a word: the tolerance of the strictest experiments."""

_MILLISECONDS = 200
_MUCH = 0.1
# The columns of /proc/stat that are work: user, nice, system, irq, softirq.
_BUSY = (0, 1, 2, 5, 6)
_STEAL = 7


@dataclass(frozen=True)
class Noise:
    """Parts of a processor's time, 0 to 1, that a reader of the clock did not get though nothing was asked but it.

    `steal` is what the hypervisor took and `others` what other processes used, both of all processors (/proc/stat);
    `spread` is by how much a slow millisecond (one in ten) is slower than a middling one; `lost` is the time of gaps
    of more than 0.1 ms, `together` the same with a reader on each processor: much where processors are not really
    there, as under emulation. `worst` is the longest gap in seconds.
    """

    steal: float = 0.0
    others: float = 0.0
    spread: float = 0.0
    lost: float = 0.0
    together: float = 0.0
    worst: float = 0.0

    @property
    def figure(self) -> float:
        """The worst part of a processor that an experiment must be prepared to miss."""
        return max(self.steal, self.others, self.spread, self.lost)

    @property
    def delay(self) -> float:
        """Seconds that it may make something late: some gaps longer than the longest that a short control run met, and
        any time where so much is lost that work piles up."""
        return math.inf if self.lost > _MUCH else 5 * self.worst

    @property
    def sharing(self) -> float:
        """The part of its time that a processor may miss as others are not really beside it; inf where that is much, so
        that nothing can be said of who disturbs whom."""
        return math.inf if self.together > _MUCH else self.together

    def worst_of(self, other: Noise) -> Noise:
        """Each as bad as the worse of the two."""
        return Noise(*map(max, astuple(self), astuple(other)))


QUIET = Noise()
"""No noise at all."""


def listen(processors: int) -> Noise:
    """Measure the noise of a host with so many processors, in less than a second. Raises CgroupError."""
    with opened_stage(()) as stage:
        group = stage.group("control")
        before = _Ticks(group)
        took, lost, worst, slow, middling = _read(stage.load(group, "clock", _MILLISECONDS))
        readers = [stage.load(group, "clock", _MILLISECONDS) for _ in range(processors)]
        together = [_read(reader) for reader in readers]
        after = _Ticks(group)
    return Noise(
        steal=after.part_of(before, after.steal - before.steal),
        others=max(after.part_of(before, after.busy - before.busy - (after.own - before.own)), 0.0),
        spread=1 - slow / middling if middling else 1.0,
        lost=lost / took,
        together=sum(words[1] for words in together) / sum(words[0] for words in together),
        worst=worst / 1e9,
    )


class Control:
    """Control runs, one before all experiments and one after each that noise can move; `noise` is the last."""

    def __init__(self, processors: int) -> None:
        self._processors = processors
        self.noise = listen(processors)

    def again(self) -> Noise:
        """The worst of the last control run and of another one now. Raises CgroupError."""
        former, self.noise = self.noise, listen(self._processors)
        return former.worst_of(self.noise)


def _read(load: Load) -> tuple[int, ...]:
    load.told("reading")
    return tuple(map(int, load.told("read")))


class _Ticks:
    # Seconds of all processors, and of one group.

    def __init__(self, group: Cgroup) -> None:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in file.readline().split()[1:9]]
        self.all, self.steal, self.busy = sum(ticks), ticks[_STEAL], sum(ticks[column] for column in _BUSY)
        self.own = group.cpu.stat["usage_usec"] / 1e6

    def part_of(self, before: _Ticks, seconds: float) -> float:
        total = self.all - before.all
        return seconds / total if total > 0 else 0.0
