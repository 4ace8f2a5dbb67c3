"""A day on paper as text, and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from firkin.runtime.cli.table import table
from firkin.workbench.advice import Advice, clock, duration
from firkin.workbench.day import TROUBLES, Day
from firkin.workbench.page.scale import quantity
from firkin.workbench.report.day import troubled

__all__ = ["as_json", "as_text"]

_MOST = 30


def as_text(day: Day, advice: Sequence[Advice]) -> str:
    """Who is held back for how long, and what to change; at most so many lines of each."""
    busiest = max(day.moments, key=lambda moment: moment.cpu_wanted)
    fullest = max(day.moments, key=lambda moment: moment.memory_wanted)
    lines = [
        f"{len(day.moments)} moments over {duration(day.seconds)}, {len(day.columns.tree) - 1} groups\n",
        f"most processors wanted: {busiest.cpu_wanted:.2f} of {day.columns.machine.cpus} at {clock(busiest.time)}\n",
        f"most memory wanted: {quantity(fullest.memory_wanted, 'bytes')} at {clock(fullest.time)}\n",
    ]
    held = list(troubled(day))
    rows = [
        (day.columns.tree.groups[number].path, TROUBLES[name], duration(day.troubles[name].seconds[number]),
         _first(day, name, number))
        for name, number in held[:_MOST]
    ]  # fmt: skip
    if rows:
        lines.append(table(("group", "what", "for", "first"), rows))
    if len(held) > _MOST:
        lines.append(f"and {len(held) - _MOST} more: --json or --html\n")
    lines.extend(f"{number}. {one.text}.{_edit(one)}\n" for number, one in enumerate(advice[:_MOST], 1))
    return "".join(lines)


def _first(day: Day, name: str, number: int) -> str:
    at = day.troubles[name].at
    return next(clock(moment.time) for moment, flags in zip(day.moments, at, strict=True) if flags[number])


def _edit(advice: Advice) -> str:
    return f" --set {advice.edit}" if advice.edit else ""


def as_json(day: Day, advice: Sequence[Advice]) -> dict[str, object]:
    """All troubles and all advice; times in seconds from midnight, memory in bytes."""
    return {
        "seconds": day.seconds,
        "machine": [
            {
                "time": moment.time,
                "seconds": moment.seconds,
                "cpuWanted": moment.cpu_wanted,
                "cpu": moment.cpu,
                "memoryWanted": moment.memory_wanted,
                "memory": moment.memory,
            }
            for moment in day.moments
        ],
        "troubles": [
            {
                "group": day.columns.tree.groups[number].path,
                "what": name,
                "seconds": float(day.troubles[name].seconds[number]),
                "worst": float(day.troubles[name].worst[number]),
                "wanted": float(day.troubles[name].wanted[number]),
            }
            for name, number in troubled(day)
        ],
        "advice": [{"text": one.text, "edit": one.edit or None} for one in advice],
    }
