"""The part of a page about a comparison with peers."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator

from firkin.workbench.page.document import facts, figure, table
from firkin.workbench.page.markup import Markup, element
from firkin.workbench.page.scale import alike
from firkin.workbench.page.strips import strips
from firkin.workbench.report.result import Comparison, Sample

__all__ = ["comparison_section"]

_OURS = "firkin"


def comparison_section(comparison: Comparison) -> Markup:
    """The whole part: a picture of each step."""
    by_step: dict[str, list[Sample]] = defaultdict(list)
    for sample in comparison.samples:
        by_step[sample.step].append(sample)
    return element(
        "section",
        element("h2", comparison.name),
        element("p", comparison.question),
        facts(comparison.versions.items()),
        *(element("p", f"Left out: {why}", class_="soft small") for why in comparison.missing),
        element("div", *(_step(comparison, step, samples) for step, samples in by_step.items()), class_="figures"),
        element("p", "All take turns, so that whatever else the machine does hits all: compare ratios, not times.",
                class_="soft small"),
        id=f"c-{comparison.name}",
    )  # fmt: skip


def _step(comparison: Comparison, step: str, samples: list[Sample]) -> Markup:
    unit = samples[0].unit
    rows = {sample.contender: sample.values for sample in samples}
    return figure(step, "", strips(f"{comparison.name}: {step}", rows, unit, _OURS), table(
        ("", "fastest", "median", "slowest", "firkin is"), _rows(samples)))  # fmt: skip


def _rows(samples: list[Sample]) -> Iterator[tuple[str, ...]]:
    ours = next((statistics.median(one.values) for one in samples if one.contender.startswith(_OURS)), None)
    for sample in samples:
        median = statistics.median(sample.values)
        told = alike((min(sample.values), median, max(sample.values)), sample.unit)
        is_peer = ours is not None and median and not sample.contender.startswith(_OURS)
        yield sample.contender, *told, f"{ours / median:.2f} x" if is_peer and ours is not None else ""
