"""The page of a prediction: who gets what, what holds whom back, and what would be if something were changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from firkin.workbench.forecast import Forecast, Line
from firkin.workbench.page.document import facts, figure, page, table, what_if
from firkin.workbench.page.icicle import Cell, icicle
from firkin.workbench.page.markup import Child, Markup, element, joined
from firkin.workbench.page.scale import quantity
from firkin.workbench.plan import Machine, Plan

__all__ = ["forecast_page"]

_MOST = 300
"""So many groups are listed; of more, those that are held back first."""

_BAR = 110
_LEGEND = (
    "For the long run, with all demands at once; nothing was measured. A stripe above: protected; below: held back. "
    "Point at a group to see its numbers."
)


@dataclass(frozen=True)
class _Resource:
    name: str
    got: Callable[[Line], float]
    wanted: Callable[[Line], float]
    there: Callable[[Machine], float]
    unit: str
    words: tuple[str, ...]
    kept: Callable[[Line], float] = lambda line: 0.0


_RESOURCES = (
    _Resource("Processors", lambda line: line.cpu, lambda line: line.cpu_wanted, lambda machine: machine.cpus, "",
              ("cpu",)),
    _Resource("Memory", lambda line: line.memory, lambda line: line.memory_wanted, lambda machine: machine.memory,
              "bytes", ("memory", "reclaim"), lambda line: line.protected),
    _Resource("Device time", lambda line: 100 * line.io, lambda line: 100 * line.io_wanted, lambda machine: 100.0, "%",
              ("device time",)),
)  # fmt: skip


def forecast_page(name: str, plan: Plan, forecast: Forecast, changes: Sequence[str] = (),
                  before: tuple[Plan, Forecast] | None = None) -> Markup:  # fmt: skip
    """The page of the tree in the file `name`; with `before`, what it was without the `changes` is beside it."""
    parents = {line.path.rpartition("/")[0] for line in forecast.lines}
    held = sum(bool(line.notes) for line in forecast.lines if line.path not in parents)
    lead = f"{len(forecast.lines)} groups; of those with processes, {held or 'none'} would have less than they want."
    return page(
        f"Who gets what: {name}",
        element("p", "firkin bench predict", class_="eyebrow"),
        element("h1", f"Who gets what: {name}"),
        element("p", lead, class_="lead"),
        facts(_machine(plan.machine)),
        *(element("p", warning, class_="warning bad") for warning in forecast.warnings),
        *what_if(changes),
        *_pictures(plan, forecast, before),
        _lines(forecast, before[1] if before else None),
        element("footer", _LEGEND),
    )  # fmt: skip


def _machine(machine: Machine) -> Iterator[tuple[str, str]]:
    yield "processors", str(machine.cpus)
    if math.isfinite(machine.memory):
        yield "memory", quantity(machine.memory, "bytes")


def _pictures(plan: Plan, forecast: Forecast, before: tuple[Plan, Forecast] | None) -> Iterator[Markup]:
    for resource in _RESOURCES:
        whole = _whole(resource, plan, forecast)
        if whole is None:
            continue
        shown = [(resource.name, whole, "")]
        if before and (former := _whole(resource, *before)):
            shown = [(resource.name, former, "before"), (resource.name, whole, "after")]
        pictures = [
            figure(name, when, icicle(f"{name} {when}".strip(), cell, _told(cell))) for name, cell, when in shown
        ]
        yield element("div", *pictures, class_="figures")


def _whole(resource: _Resource, plan: Plan, forecast: Forecast) -> Cell | None:
    tops = _cells(resource, forecast)
    used = sum(cell.value for cell in tops)
    there = resource.there(plan.machine)
    if not used:
        return None
    there = max(there, used) if math.isfinite(there) else used
    return Cell("all", there, f"{_said(used, resource.unit)} of {_said(there, resource.unit)} used", children=tops)


def _told(whole: Cell) -> str:
    return "; ".join(f"{cell.name}: {cell.said}" for cell in whole.children[:20])


def _cells(resource: _Resource, forecast: Forecast) -> list[Cell]:
    found: dict[str, list[Cell]] = {}
    # Children before parents.
    for line in reversed(forecast.lines):
        parent, _, name = line.path.rpartition("/")
        children = found.pop(line.path, [])
        found.setdefault(parent, []).insert(0, _cell(resource, line, name, children))
    return found.get("", [])


def _cell(resource: _Resource, line: Line, name: str, children: list[Cell]) -> Cell:
    got, wanted = resource.got(line), resource.wanted(line)
    notes = [note for note in line.notes if any(word in note for word in resource.words)]
    kept = resource.kept(line)
    said = f"{_said(got, resource.unit)} of {_said(wanted, resource.unit)} wanted"
    if kept:
        notes.append(f"{quantity(kept, resource.unit)} protected")
    held = bool(notes) and got < wanted * (1 - 1e-6)
    return Cell(name, got, "; ".join([said, *notes]), held=held, kept=kept, children=children)


def _lines(forecast: Forecast, before: Forecast | None) -> Markup:
    former = {line.path: line for line in before.lines} if before else {}
    shown: Sequence[Line] = forecast.lines
    if len(shown) > _MOST:
        shown = sorted(shown, key=lambda line: (not line.notes, -max(line.cpu_wanted - line.cpu, 0)))[:_MOST]
    tops = [line for line in forecast.lines if "/" not in line.path]
    most = max((top.cpu_wanted for top in tops), default=1.0), max((top.memory_wanted for top in tops), default=1.0)
    rows = [_row(line, most, former.get(line.path)) for line in shown]
    left = len(forecast.lines) - len(shown)
    more = element("p", f"{left} more groups are not listed; --json has all.", class_="soft") if left else ""
    heading = ("group", "processors", "", "memory", "", "io", "what holds it back")
    return element("section", element("h2", "Every group"), table(heading, rows, words=(2, 4, 6)), more)


def _row(line: Line, most: tuple[float, float], old: Line | None) -> tuple[Child, ...]:
    return (
        line.path,
        _changed(line.cpu, old.cpu if old else None, "") if line.cpu_wanted else "-",
        _bar(line.cpu, line.cpu_wanted, most[0]),
        _changed(line.memory, old.memory if old else None, "bytes") if line.memory_wanted else "-",
        _bar(line.memory, line.memory_wanted, most[1]),
        f"{line.io:.0%}" if line.io else "-",
        "; ".join(line.notes),
    )


def _said(value: float, unit: str) -> str:
    return quantity(value if unit else round(value, 2), unit)


def _changed(now: float, before: float | None, unit: str) -> Child:
    if before is None or _said(now, unit) == _said(before, unit):
        return _said(now, unit)
    kind = "good" if now > before else "bad"
    return joined(
        element("span", f"{_said(before, unit)} → ", class_="soft"), element("span", _said(now, unit), class_=kind)
    )


def _bar(got: float, wanted: float, most: float) -> Markup:
    if not wanted or not most:
        return Markup("")
    told = f"{got / wanted:.0%} of what is wanted"
    marks = [
        element("rect", x=0.5, y=1, width=max(_BAR * min(wanted / most, 1.0), 1.0), height=9, class_="predicted"),
        element("rect", x=0.5, y=1, width=_BAR * min(got / most, 1.0), height=9, class_="measured"),
    ]
    return element("svg", element("title", told), *marks, viewBox=f"0 0 {_BAR + 2} 11", role="img", aria_label=told,
                   class_="bar")  # fmt: skip
