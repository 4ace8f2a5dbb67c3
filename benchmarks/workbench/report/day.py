"""The page of a day on paper: the machine over the day, who is held back when, and what to change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from firkin.workbench.advice import Advice, clock, duration
from firkin.workbench.day import TROUBLES, Day
from firkin.workbench.page.curves import Curve, Shape, hour_ticks, over_time
from firkin.workbench.page.document import facts, figure, page, table, what_if
from firkin.workbench.page.markup import Markup, element, joined
from firkin.workbench.page.scale import quantity
from firkin.workbench.page.spans import Row, spans

__all__ = ["day_page", "troubled"]

_ROWS, _GROUPS = 40, 6
_LEGEND = (
    "Each step of the trace is taken as lasting: what is wanted then, wanted at once. Nothing was measured. Edits are "
    "those of firkin bench predict --set, so that they can be tried."
)


def day_page(name: str, day: Day, advice: Sequence[Advice], changes: Sequence[str] = ()) -> Markup:
    """The page of a trace over the tree in the file `name`, with the `changes` that were made to it."""
    machine, held = day.columns.machine, list(troubled(day))
    groups = len({number for _, number in held})
    lead = f"{groups or 'No'} group{'' if groups == 1 else 's'} would be held back at some time."
    known = [("processors", str(machine.cpus)), ("groups", str(len(day.columns.tree) - 1)),
             ("moments", f"{len(day.moments)} over {duration(day.seconds)}")]  # fmt: skip
    if math.isfinite(machine.memory):
        known.insert(1, ("memory", quantity(machine.memory, "bytes")))
    return page(
        f"A day of {name}",
        element("p", "firkin bench predict", class_="eyebrow"),
        element("h1", f"A day of {name}"),
        element("p", lead, class_="lead"),
        facts(known),
        *what_if(changes),
        _advice(advice),
        element("section", element("h2", "The machine"), element("div", *_machine(day), class_="figures")),
        *_spans(day, held),
        *_groups(day),
        element("footer", _LEGEND),
    )  # fmt: skip


def troubled(day: Day) -> Iterator[tuple[str, int]]:
    """Who has which trouble, the longest first."""
    found = [
        (float(trouble.seconds[number]), name, int(number))
        for name, trouble in day.troubles.items()
        for number in np.flatnonzero(trouble.seconds)
    ]
    for _, name, number in sorted(found, key=lambda one: -one[0]):
        yield name, number


def _advice(advice: Sequence[Advice]) -> Markup:
    if not advice:
        return element("p", "Nothing to change: everybody has what he wants.")
    items = [element("li", f"{one.text}. ", element("code", f"--set {one.edit}") if one.edit else "") for one in advice]
    return element("section", element("h2", "What to change"), element("ol", *items, class_="advice"))


def _machine(day: Day) -> Iterator[Markup]:
    moments, machine = day.moments, day.columns.machine
    times = [moment.time for moment in moments]
    shown = (
        ("Processors", "processors", machine.cpus, [m.cpu_wanted for m in moments], [m.cpu for m in moments]),
        ("Memory", "bytes", machine.memory, [m.memory_wanted for m in moments], [m.memory for m in moments]),
    )
    for caption, unit, there, wanted, used in shown:
        if not any(wanted):
            continue
        curves = [Curve("used", _drawn(day, times, used)), Curve("wanted", (), _drawn(day, times, wanted))]
        if math.isfinite(there):
            curves.append(Curve("there is", [(times[0], there), (_end(day), there)]))
        yield figure(caption, "dashed: wanted", over_time(f"{caption} over the day", curves, unit, Shape(steps=True),
                                                          hours=True), _numbers(times, wanted, used, unit))  # fmt: skip


def _drawn(day: Day, times: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    # A value lasts until the next: where it changes, the line is drawn up or down at that time.
    points: list[tuple[float, float]] = []
    for at, value in zip(times, values, strict=True):
        if points:
            points.append((at, points[-1][1]))
        points.append((at, value))
    return [*points, (_end(day), values[-1])]


def _end(day: Day) -> float:
    return day.moments[-1].time + day.moments[-1].seconds


def _numbers(times: Sequence[float], wanted: Sequence[float], used: Sequence[float], unit: str) -> Markup:
    said = unit if unit == "bytes" else ""
    rows = [
        (clock(at), quantity(round(first, 3), said), quantity(round(second, 3), said))
        for at, first, second in zip(times, wanted, used, strict=True)
    ]
    return table(("at", "wanted", "used"), rows)


def _spans(day: Day, held: Sequence[tuple[str, int]]) -> Iterator[Markup]:
    if not held:
        return
    kinds = list(TROUBLES)
    rows = [
        Row(day.columns.tree.groups[number].path, TROUBLES[name], _times(day, name, number),
            duration(day.troubles[name].seconds[number]), kinds.index(name) % 7)
        for name, number in held[:_ROWS]
    ]  # fmt: skip
    first, last = day.moments[0].time, _end(day)
    picture = spans("Who is held back when", rows, first, last, hour_ticks(first, last))
    numbers = table(("group", "what", "for"), [(row.name, row.about, row.said) for row in rows], words=(1,))
    left = len(held) - len(rows)
    more = element("p", f"{left} more are not shown; --json has all.", class_="soft") if left else ""
    shown = element("div", figure("Who is held back when", "", picture, numbers), class_="figures wide")
    yield element("section", element("h2", "Who is held back"), shown, more)


def _times(day: Day, name: str, number: int) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for moment, flags in zip(day.moments, day.troubles[name].at, strict=True):
        if flags[number]:
            end = moment.time + moment.seconds
            if found and found[-1][1] == moment.time:
                found[-1] = (found[-1][0], end)
            else:
                found.append((moment.time, end))
    return found


def _groups(day: Day) -> Iterator[Markup]:
    leaves = np.where(day.columns.leaves, day.lost, 0)
    order = [int(number) for number in np.argsort(-leaves)[:_GROUPS] if leaves[number] > 0]
    pictures = []
    for number in order:
        path = day.columns.tree.groups[number].path
        times = [moment.time for moment in day.moments]
        wanted, got = ([float(one[number]) for one in values] for values in (day.cpu_wanted, day.cpu))
        curves = [Curve("gets", _drawn(day, times, got)), Curve("wants", (), _drawn(day, times, wanted))]
        title = f"{path}: processors over the day"
        drawn = over_time(title, curves, "processors", Shape(steps=True), hours=True)
        remark = f"lacks {duration(day.lost[number])} of processor time"
        pictures.append(figure(path, remark, drawn, _numbers(times, wanted, got, "processors")))
    if pictures:
        heading = element("h2", joined("Processor time that was wanted and not had"))
        yield element("section", heading, element("div", *pictures, class_="figures"))
