"""What of two runs is not as it was: neither more nor less than their confidence intervals allow."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.workbench.report.compare_command import as_text
from firkin.workbench.report.differences import Changes, compare, other_host
from firkin.workbench.report.result import as_result
from tests.support.bench_results import experiment, quantity, result


def changes(old: dict[str, Any], new: dict[str, Any]) -> Changes:
    return compare(as_result(old), as_result(new))


def one(measured: float, margin: float | None = 0.03, predicted: float = 0.5) -> dict[str, Any]:
    return result(experiment("weights", quantity("half", predicted, measured, margin)))


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        # 0.03 and 0.04 together are 0.05.
        (one(0.5), one(0.549, 0.04), None),
        (one(0.5), one(0.551, 0.04), "worse"),
        (one(0.6), one(0.5), "better"),
        (one(0.5, 0.0), one(0.5, 0.0), None),
        (one(1.0, 0.0, 1.0), one(2.0, 0.0, 1.0), "worse"),
        (one(0.5, None), one(0.9), None),
        (one(0.5), one(0.5, predicted=0.4), "other prediction"),
    ],
)
def test_a_quantity(before: dict[str, Any], now: dict[str, Any], kind: str | None) -> None:
    found = changes(before, now)
    assert [difference.kind for difference in found.differences] == ([kind] if kind else [])
    assert found.compared == 1


def test_what_is_gone_is_named_and_what_is_new_is_not() -> None:
    old = result(experiment("a"), experiment("b", quantity("x", 1, 1), quantity("y", 1, 1)))
    new = result({"name": "a", "question": "?", "skipped": "no controller"}, experiment("b", quantity("x", 1, 1)))
    gone = [(found.where, found.name, found.kind) for found in changes(old, new).differences]
    assert gone == [("a", "half", "gone"), ("b", "y", "gone")]
    assert changes(new, old).differences == ()


def compared(firkin: list[float], runc: list[float]) -> dict[str, Any]:
    samples = [
        {"step": "run", "contender": "firkin", "values": firkin},
        {"step": "run", "contender": "runc", "values": runc},
    ]
    return {**result(), "comparisons": [{"name": "lifecycle", "question": "?", "samples": samples}]}


def test_a_busy_host_is_no_difference_to_a_peer() -> None:
    before = compared([10, 11, 10, 12], [30, 33, 30, 36])
    twice = compared([20, 22, 40, 24], [60, 66, 120, 72])
    assert changes(before, twice) == Changes((), 1)
    (slower,) = changes(before, compared([20, 21, 20, 23], [30, 33, 30, 36])).differences
    assert (slower.kind, slower.name) == ("worse", "run, firkin to runc")
    assert slower.before == pytest.approx(1 / 3) and slower.now == pytest.approx(0.65, rel=0.03)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, ""),
        ({"kernel": "6.18"}, ""),
        ({"processors": 4}, "2 processors before, 4 now"),
        ({"memory": 2 << 30}, "1.00 GiB of memory before, 2.00 GiB now"),
        ({"memory": (1 << 30) + 4096}, ""),
    ],
)
def test_the_same_host(facts: dict[str, Any], why: str) -> None:
    assert other_host(as_result(result()).host, as_result(result(**facts)).host) == why


def test_text_names_the_difference() -> None:
    text = as_text(changes(one(0.5), one(0.6)), ["Linux 6.1 before, 6.18 now"])
    assert text.splitlines()[0] == "! Linux 6.1 before, 6.18 now"
    assert text.splitlines()[2].split() == ["worse", "weights", "half", "0.500", "0.600", "±", "0.042"]
    assert text.splitlines()[3] == "0 of 1 quantities are as they were, within what is measured."
