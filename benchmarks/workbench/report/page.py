"""The page of a run: the verdicts first, then the host and how quiet it was, then each experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from firkin.workbench.page.document import facts, page, table
from firkin.workbench.page.markup import Markup, element, joined
from firkin.workbench.page.scale import quantity
from firkin.workbench.report.comparisons import comparison_section
from firkin.workbench.report.experiments import contents_row, section
from firkin.workbench.report.result import Facts, Noise, Result

__all__ = ["result_page"]

_COUNTED = {"good": "as predicted", "bad": "not as predicted", "unsure": "undecided", "left": "left out"}


def result_page(result: Result) -> Markup:
    """The page."""
    title, lead = _told(result)
    contents = [_contents(result)] if result.experiments else []
    return page(
        f"{title}: {lead}",
        element("p", "firkin bench", class_="eyebrow"),
        element("h1", title),
        element("p", f"{lead[0].upper()}{lead[1:]}.", class_="lead"),
        facts(_facts(result.host)),
        *_noise(result.host.noise),
        *contents,
        element("div", *map(section, result.experiments), class_="experiments"),
        *map(comparison_section, result.comparisons),
        *([element("footer", _LEGEND)] if result.experiments else []),
    )


def _told(result: Result) -> tuple[str, str]:
    if not result.experiments:
        return "firkin and its peers", ", ".join(one.name for one in result.comparisons)
    counts = Counter(experiment.verdict for experiment in result.experiments)
    told = ", ".join(f"{counts[verdict]} {words}" for verdict, words in _COUNTED.items() if counts[verdict])
    number = len(result.experiments)
    return "How cgroup v2 shares a machine out", f"{number} experiment{'s' if number > 1 else ''}: {told}"


_LEGEND = (
    "Predictions were made before anything was measured. ± is the 95 % confidence interval of the repetitions. "
    "✗ differs by more than is tolerated and more than that; ? is measured too roughly to tell."
)


def _contents(result: Result) -> Markup:
    rows = map(contents_row, result.experiments)
    words = ("experiment", "off by, of what is tolerated", "", "question")
    return element("nav", table(words, rows, words=(1, 3), kind="contents"), aria_label="Contents")


def _facts(host: Facts) -> Iterator[tuple[str, str]]:
    if host.kernel:
        yield "kernel", f"Linux {host.kernel}"
    if host.processors:
        yield "processors", f"{host.processors}{f', {host.model}' if host.model else ''}"
    if host.memory:
        yield "memory", quantity(host.memory, "bytes")
    if host.date:
        yield "measured", host.date.replace("T", " ").removesuffix("Z") + " UTC"
    yield "load before", f"{host.load:.2f}"
    if host.noise:
        yield "disturbed by others", f"{host.noise.figure:.1%} at most"


def _noise(noise: Noise | None) -> Iterator[Markup]:
    if noise is None or not noise.exceeds:
        return
    parts = sorted({*noise.before, *noise.after})
    said = "; ".join(f"{name} {noise.before.get(name, 0):.1%}, then {noise.after.get(name, 0):.1%}" for name in parts)
    words = joined(element("b", "This host was not quiet: "), f"{said}. Differences may be the others' doing.")
    yield element("p", words, class_="warning")
