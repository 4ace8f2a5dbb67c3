"""A trace of what groups want over time: lines of `time,group,resource,demand`, in the order of time.

    time,group,resource,demand
    06:00,web/front,cpu,1.5
    06:00,web/front,memory,1G
    06:05,nightly,io,80%

A time is of the day (06:00, 06:00:30), in seconds (21600), or a date with it (2026-01-02T06:00). A demand lasts until
the next one of that group for that resource, and before the first it is what the tree says. Resources are those of
`demand` in a tree: cpu, threads, memory, pids, io. Who asks for cpu with fewer threads gets as many as that takes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from firkin.errors import ConfigError, KernelError
from firkin.workbench.columns import Columns, Demands
from firkin.workbench.settings import DEMANDS

__all__ = ["Change", "Step", "read_trace", "steps"]

_HEADING = ["time", "group", "resource", "demand"]
_DAY = 86400
_USUAL = 300.0  # seconds, where nothing says how long a step is


@dataclass(frozen=True)
class Change:
    """From `time` on (in seconds from the midnight before the first), a group wants this of a resource."""

    time: float
    group: int
    resource: str
    demand: float


@dataclass(frozen=True)
class Step:
    """What is wanted from a time on, for some seconds."""

    time: float
    seconds: float
    demands: Demands


def read_trace(path: str, columns: Columns) -> list[Change]:
    """The changes in a file. Raises ConfigError with the line of the first fault, KernelError."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return _changes(file, path, columns)
    except OSError as error:
        raise KernelError(f"read {path}", error.errno or 0) from error
    except UnicodeDecodeError as error:
        raise ConfigError("", f"is not UTF-8 text: {error.reason} at byte {error.start}", document=path) from error


def _changes(file: Iterable[str], path: str, columns: Columns) -> list[Change]:
    rows, reader = csv.reader(file, strict=True), _Reader(columns)
    found = []
    try:
        for row in rows:
            if rows.line_num == 1:
                if row != _HEADING:
                    raise ValueError(f"the first line is not {','.join(_HEADING)}")
            elif row:
                found.append(reader.change(row))
    except UnicodeDecodeError:
        raise
    except (ValueError, csv.Error) as error:
        raise ConfigError("", str(error), document=f"{path}:{rows.line_num}") from error
    if not found:
        raise ConfigError("", f"has no demands; its lines are {','.join(_HEADING)}", document=path)
    return found


class _Reader:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._last = -math.inf
        self._midnight: datetime | None = None
        self._times: dict[str, float] = {}
        self._values: dict[tuple[str, str], float] = {}

    def change(self, row: list[str]) -> Change:
        """What a line says. Raises ValueError."""
        if len(row) != len(_HEADING):
            raise ValueError(f"{len(row)} fields instead of {len(_HEADING)}")
        when, group, resource, demand = (field.strip() for field in row)
        time = self._times.get(when)
        if time is None:
            time = self._times[when] = self._time(when)
        if time < self._last:
            raise ValueError(f"time: {when} is earlier than the line before")
        self._last = time
        return Change(time, self._group(group), resource, self._demand(resource, demand))

    def _time(self, text: str) -> float:
        try:
            if "-" in text[1:]:
                return self._moment(text)
            return _clock(text) if ":" in text else _seconds(text)
        except ValueError:
            raise ValueError(
                f"time: {text!r} is neither a time of the day, nor seconds, nor a date with a time"
            ) from None

    def _moment(self, text: str) -> float:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if self._midnight is None:
            self._midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return (moment - self._midnight).total_seconds()

    def _group(self, path: str) -> int:
        number = self._columns.numbers.get(path)
        if not number:
            raise ValueError(f"group: the tree has no {path!r}")
        if not self._columns.leaves[number]:
            raise ValueError(f"group: {path!r} has children, so it has no processes of its own")
        return number

    def _demand(self, resource: str, text: str) -> float:
        found = self._values.get((resource, text))
        if found is None:
            if resource not in DEMANDS:
                raise ValueError(f"resource: {resource!r} is none of {', '.join(DEMANDS)}")
            try:
                found = self._values[resource, text] = float(DEMANDS[resource].read(text))  # type: ignore[arg-type]
            except ValueError as error:
                raise ValueError(f"demand: {error}") from error
        return found


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _clock(text: str) -> float:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    if minutes > 59 or seconds > 59 or (time := hours * 3600 + minutes * 60 + seconds) > _DAY:
        raise ValueError
    return float(time)


def steps(changes: list[Change], columns: Columns) -> Iterator[Step]:
    """The trace as steps, in each of which nothing changes; the last is as long as the one before it."""
    plan = columns.demands()
    fields = {key.field: getattr(plan, key.field) for key in DEMANDS.values()}
    start = 0
    length = _USUAL
    while start < len(changes):
        time = changes[start].time
        stop = start
        while stop < len(changes) and changes[stop].time == time:
            change = changes[stop]
            fields[DEMANDS[change.resource].field][change.group] = change.demand
            if change.resource == "cpu":
                threads = fields["threads"]
                threads[change.group] = max(threads[change.group], math.ceil(change.demand))
            stop += 1
        if stop < len(changes):
            length = changes[stop].time - time
        yield Step(time, length, Demands(**{name: values.copy() for name, values in fields.items()}))
        start = stop
