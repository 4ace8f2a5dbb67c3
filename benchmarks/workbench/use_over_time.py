"""How many processors some groups use, step by step."""

from __future__ import annotations

import time
from collections.abc import Mapping

from firkin.cgroupfs import Cgroup
from firkin.workbench.measurement import Series

__all__ = ["UseOverTime"]


class UseOverTime:
    """What groups use from now on, in steps of so many seconds; it is read when `go_on` is called."""

    def __init__(self, groups: Mapping[str, Cgroup], step: float) -> None:
        self._groups, self._step = groups, step
        self._began = time.monotonic()
        # When, and what each had used by then, in seconds.
        self._samples = [(0.0, self._read())]

    def _read(self) -> dict[str, float]:
        return {path: group.cpu.stat["usage_usec"] / 1e6 for path, group in self._groups.items()}

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def go_on(self, seconds: float) -> None:
        """Watch for so many seconds from now."""
        end = self.now + seconds
        while (left := end - self.now) > 0:
            time.sleep(min(self._step, left))
            self._samples.append((self.now, self._read()))

    def used(self, since: float = 0.0) -> dict[str, float]:
        """Processors that each used from the first reading after `since` to the last, on average."""
        at, before = next(sample for sample in self._samples if sample[0] >= since)
        ended, after = self._samples[-1]
        return {path: (after[path] - before[path]) / (ended - at) for path in before}

    def processors(self) -> dict[str, Series]:
        """Processors that each used in each step."""
        times, steps = self._steps()
        return {path: Series("processors", times, [step[path] for step in steps]) for path in self._groups}

    def shares(self) -> dict[str, Series]:
        """Each one's part of what all used together in each step."""
        times, steps = self._steps()
        return {
            path: Series("share", times, [step[path] / (sum(step.values()) or 1.0) for step in steps])
            for path in self._groups
        }

    def _steps(self) -> tuple[list[float], list[dict[str, float]]]:
        pairs = list(zip(self._samples, self._samples[1:], strict=False))
        times = [(first[0] + last[0]) / 2 for first, last in pairs]
        spans = [{p: (last[1][p] - first[1][p]) / (last[0] - first[0]) for p in self._groups} for first, last in pairs]
        return times, spans
