"""The part of a page about one experiment: what was asked, predicted and measured, over time, and how it is spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from firkin.workbench.page.bars import Pair, pairs
from firkin.workbench.page.curves import Curve, cumulative, over_time
from firkin.workbench.page.document import figure, mark, table
from firkin.workbench.page.markup import Markup, element, joined
from firkin.workbench.page.scale import figure as short
from firkin.workbench.report.result import Distribution, Experiment, Series

__all__ = ["contents_row", "section"]

Shown = TypeVar("Shown", Series, Distribution)
_QUANTILES = (0.5, 0.9, 0.99, 0.999)


def section(experiment: Experiment) -> Markup:
    """The whole part."""
    heading = element("h2", mark(experiment.verdict), joined(experiment.name))
    parts = [heading, element("p", experiment.question)]
    if experiment.skipped:
        parts.append(element("p", f"Left out: {experiment.skipped}.", class_="soft"))
    figures = list(_figures(experiment)) if experiment.quantities else []
    if figures:
        parts.append(element("div", *figures, class_="figures"))
    parts.append(element("p", _fine_print(experiment), class_="soft small"))
    return element("section", *parts, id=anchor(experiment), class_="whole" if len(figures) > 1 else None)


def anchor(experiment: Experiment) -> str:
    """What the part is called in addresses."""
    return "x-" + "".join(character if character.isalnum() else "-" for character in experiment.name)


def contents_row(experiment: Experiment) -> tuple[Markup, Markup, Markup, Markup]:
    """Its line of the table of contents: the mark, the name, the worst deviation on a gauge, and the question."""
    link = element("a", mark(experiment.verdict), experiment.name, href=f"#{anchor(experiment)}")
    if not experiment.quantities:
        return link, Markup(""), Markup(""), element("span", experiment.skipped or experiment.question, class_="soft")
    worst = max(quantity.deviation for quantity in experiment.quantities)
    return link, _gauge(worst, experiment), joined(f"{worst:.1%}"), joined(experiment.question)


def _gauge(worst: float, experiment: Experiment) -> Markup:
    # The band is what is tolerated; a deviation of four times that or more is at the end.
    tolerance = experiment.tolerance or 0.01
    at = 120 * min(worst / tolerance, 4) / 4
    dots = [
        element("circle", cx=120 * min(one.deviation / tolerance, 4) / 4, cy=8, r=3.2, class_=f"dot {one.verdict}")
        for one in experiment.quantities
    ]
    told = f"off by {worst:.1%} at most, {experiment.tolerance:.1%} are tolerated"
    return element(
        "svg", element("title", told), element("rect", x=0, y=2, width=30, height=12, class_="band"),
        element("line", x1=0, x2=at, y1=8, y2=8, class_="grid"), *dots,
        viewBox="-4 0 128 16", role="img", aria_label=told,
    )  # fmt: skip


def _figures(experiment: Experiment) -> Iterator[Markup]:
    rows = list(_pairs(experiment))
    title = f"{experiment.name}: predicted and measured"
    yield figure(
        "Predicted and measured", _scale(experiment), pairs(title, rows, experiment.unit), _numbers(experiment)
    )
    for unit, group in _by_unit(experiment.series):
        caption = "Over time" if len(group) > 1 else f"{next(iter(group))} over time"
        picture = over_time(f"{experiment.name}: {caption.lower()}", _curves(group), unit)
        dashed = "dashed: predicted" if any(series.predicted for series in group.values()) else ""
        yield figure(caption, dashed, picture, _points(group))
    for unit, spread in _by_unit(experiment.distributions):
        title = f"{experiment.name}: how {', '.join(spread)} are distributed"
        dashed = ", dashed: predicted" if any(one.predicted for one in spread.values()) else ""
        curves = [Curve(name, _cumulated(one.counts), _cumulated(one.predicted)) for name, one in spread.items()]
        yield figure("Distribution", f"part of all that is not above{dashed}", cumulative(title, curves, unit),
                     _quantiles(spread, unit))  # fmt: skip


def _scale(experiment: Experiment) -> str:
    return "outline: predicted; band: tolerated" if experiment.tolerance else "outline: predicted"


def _pairs(experiment: Experiment) -> Iterator[Pair]:
    # A deviation is a part of a whole, which is the same for all quantities or each one's prediction.
    wholes = [
        abs(one.measured - one.predicted) / one.deviation for one in experiment.quantities if one.deviation > 1e-9
    ]
    for one in experiment.quantities:
        whole = abs(one.measured - one.predicted) / one.deviation if one.deviation > 1e-9 else max(wholes, default=0.0)
        yield Pair(one.name, one.predicted, one.measured, one.margin, experiment.tolerance * whole, one.verdict)


def _numbers(experiment: Experiment) -> Markup:
    rows = []
    for one in experiment.quantities:
        margin = "not known" if one.margin is None else f"± {one.margin:.3g}"
        figures = f"{one.predicted:.5g}", f"{one.measured:.5g}", margin, f"{one.deviation:.1%}"
        rows.append((one.name, *figures, mark(one.verdict)))
    return table((experiment.unit or "quantity", "predicted", "measured", "95 %", "off by", ""), rows)


def _by_unit(found: Mapping[str, Shown]) -> Iterable[tuple[str, dict[str, Shown]]]:
    groups: dict[str, dict[str, Shown]] = defaultdict(dict)
    for name, one in found.items():
        if one.times if isinstance(one, Series) else one.counts:
            groups[one.unit][name] = one
    return groups.items()


def _curves(group: dict[str, Series]) -> Sequence[Curve]:
    return [
        Curve(name, list(zip(one.times, one.values, strict=True)),
              list(zip(one.times, one.predicted, strict=True)) if one.predicted else ())
        for name, one in group.items()
    ]  # fmt: skip


def _points(group: dict[str, Series]) -> Markup:
    rows = [
        (name, f"{at:.3g}", f"{value:.4g}", f"{one.predicted[number]:.4g}" if one.predicted else "")
        for name, one in group.items()
        for number, (at, value) in enumerate(zip(one.times, one.values, strict=True))
    ]
    return table(("series", "seconds", "measured", "predicted"), rows)


def _cumulated(counts: Sequence[tuple[float | None, float]]) -> list[tuple[float, float]]:
    total = sum(count for _, count in counts)
    if not total:
        return []
    seen, found = 0.0, [(0.0, 0.0)]
    for bound, count in counts:
        seen += count
        if bound is not None:
            found.append((bound, seen / total))
    return found


def _quantiles(spread: dict[str, Distribution], unit: str) -> Markup:
    rows = [
        (f"{name}{told}", str(sum(count for _, count in counts)), *(_quantile(counts, part) for part in _QUANTILES))
        for name, one in spread.items()
        for told, counts in (("", one.counts), (", predicted", one.predicted))
        if counts
    ]
    return table((unit or "value", "count", *(f"{part * 100:g} %" for part in _QUANTILES)), rows)


def _quantile(counts: Sequence[tuple[float | None, float]], part: float) -> str:
    total, seen = sum(count for _, count in counts), 0.0
    for bound, count in counts:
        seen += count
        if seen >= part * total:
            return "above" if bound is None else f"≤ {short(bound)}"
    return "above"


def _fine_print(experiment: Experiment) -> str:
    parts = [f"From {experiment.source}." if experiment.source else ""]
    if experiment.quantities:
        parts.append(f"Tolerance {experiment.tolerance:.1%}.")
    if experiment.seconds:
        parts.append(f"Took {experiment.seconds:.0f} s.")
    return " ".join(part for part in parts if part)
