"""Rates of use, from two samples of the same reader."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.values import LARGEST

__all__ = ["Rates", "group_rates", "growth", "rates"]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a group used, on average between two samples; None where the group has no such counter.

    `seconds` is the time between, of this group. `cores` is 1.0 for one processor that was always busy, `user` and
    `system` its parts. `throttled` is the share of the periods in which the group was throttled by cpu.max, from 0
    to 1; None where none began. `faults` are page faults per second, `major_faults` those that had to read. The stalls
    are shares of the time, from 0 to 1, in which some task waited.
    """

    path: str
    seconds: float
    cores: float | None
    user: float | None
    system: float | None
    throttled: float | None
    read_bytes: float | None
    write_bytes: float | None
    reads: float | None
    writes: float | None
    faults: float | None
    major_faults: float | None
    cpu_stall: float | None
    memory_stall: float | None
    io_stall: float | None


def rates(before: Sample, after: Sample) -> Iterator[Rates]:
    """The rates of all groups that are in both samples, in the order of `after`.

    A group that was removed and made again under the same name is another group.
    """
    places = {row.id: number for number, row in enumerate(before.rows) if not before.is_gone(number)}
    for number, row in enumerate(after.rows):
        if row.id in places and not after.is_gone(number):
            yield group_rates(before, places[row.id], after, number)


def group_rates(before: Sample, earlier: int, after: Sample, later: int) -> Rates:
    """The rates of one group, by its rows in both samples. Raises ValueError if no time has passed between them."""
    nanoseconds = after.clocks[later] - before.clocks[earlier]
    if nanoseconds <= 0:
        raise ValueError("the second sample is not later than the first")

    def grown(column: str) -> int | None:
        first, last = before.value(earlier, column), after.value(later, column)
        # Some counters are sums over children, and shrink a little when the kernel corrects them.
        return None if first is None or last is None else max(0, last - first)

    def per_second(column: str) -> float | None:
        count = grown(column)
        return None if count is None else count * 1e9 / nanoseconds

    def share(column: str) -> float | None:
        microseconds = grown(column)
        return None if microseconds is None else microseconds * 1000 / nanoseconds

    periods, throttled = grown("cpu.stat nr_periods"), grown("cpu.stat nr_throttled")
    return Rates(
        path=after.rows[later].name,
        seconds=nanoseconds / 1e9,
        cores=share("cpu.stat usage_usec"),
        user=share("cpu.stat user_usec"),
        system=share("cpu.stat system_usec"),
        throttled=min(1.0, throttled / periods) if periods and throttled is not None else None,
        read_bytes=per_second("io.stat rbytes"),
        write_bytes=per_second("io.stat wbytes"),
        reads=per_second("io.stat rios"),
        writes=per_second("io.stat wios"),
        faults=per_second("memory.stat pgfault"),
        major_faults=per_second("memory.stat pgmajfault"),
        cpu_stall=share("cpu.pressure some total"),
        memory_stall=share("memory.pressure some total"),
        io_stall=share("io.pressure some total"),
    )


def growth(before: Sample, after: Sample, column: str) -> array[float]:
    """How fast a counter of all groups grew: a number per second for each row of `after`, NaN where there is none.

    Parameters: `column` is a name such as `cpu.stat usage_usec`. Raises KeyError if it was not selected.
    """
    numbers, clocks = before.column(column).tolist(), before.clocks.tolist()
    if before.rows is not after.rows:
        numbers, clocks = _moved(before, after, numbers), _moved(before, after, clocks)
    both = zip(numbers, clocks, after.column(column), after.clocks, strict=True)
    return array("d", [
        max(0, last - first) * 1e9 / (now - then) if first <= LARGEST >= last and now > then else math.nan
        for first, then, last, now in both
    ])  # fmt: skip


def _moved(before: Sample, after: Sample, numbers: list[int]) -> list[int]:
    # To the places that the groups have in `after`; those that are new have no number.
    places = {row.id: number for row, number in zip(before.rows, numbers, strict=True)}
    return [places.get(row.id, LARGEST + 1) for row in after.rows]
