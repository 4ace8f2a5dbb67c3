"""Reports: results are read and checked, and each experiment is on the page with its verdict and its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import ConfigError, KernelError
from firkin.workbench.forecast import predict
from firkin.workbench.report.forecast import forecast_page
from firkin.workbench.report.page import result_page
from firkin.workbench.report.result import as_result, read_result
from firkin.workbench.tree_file import edit, parse_plan
from tests.support.bench_results import experiment, quantity, result
from tests.support.pages import Page

SERIES = {"unit": "processors", "times": [0, 1, 2], "values": [2, 1, 1], "predicted": [2, 1, 1]}
SPREAD = {"unit": "s", "counts": [[0.001, 10], [0.01, 5], [None, 1]], "predicted": [[0.001, 12], [0.01, 4]]}


def written(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "r.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "is not JSON"),
        ('{"host": ', "is not JSON"),
        ('{"x":' + "[" * 100000, "is not JSON"),
        ("[]", "expected `object`, got `array`"),
        ({}, "object missing required field `host`"),
        ({"host": {}}, "has neither experiments nor comparisons"),
        ({"host": {"processors": "2"}}, "host.processors: expected `int`, got `str`"),
        (result({"name": "a"}), r"experiments\[0\]: object missing required field `question`"),
        (result(experiment("a", {"name": "x"})), r"experiments\[0\].quantities\[0\]: object missing required field"),
        (result(experiment("a"), experiment("a")), r"experiments\[1\].name: 'a' is there twice"),
        (result(experiment("a", tolerance=-1)), r"experiments\[0\].tolerance: expected `float` >= 0"),
        (
            result(experiment("a", series={"s": {**SERIES, "values": [1]}})),
            r"experiments\[0\].series\['s'\].values: 1 for 3 times",
        ),
        (
            result(experiment("a", distributions={"d": {**SPREAD, "counts": [[2, 1], [1, 1]]}})),
            r"experiments\[0\].distributions\['d'\].counts: the bounds do not ascend",
        ),
        ('{"host": {}, "experiments": [NaN]}', "is not JSON"),
    ],
)
def test_faults_are_one_line_with_their_place(tmp_path: Path, content: Any, error: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match=error) as caught:
        read_result(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="No such file"):
        read_result(str(tmp_path / "none"))


def test_every_experiment_is_there_with_its_verdict() -> None:
    bad = experiment("wrong", quantity("half", 0.5, 0.7), series={"used": SERIES}, distributions={"wait": SPREAD})
    rough = experiment("rough", quantity("half", 0.5, 0.55, 0.2))
    left = {"name": "io", "question": "Is it?", "skipped": "needs the controller io"}
    found = Page(result_page(as_result(result(experiment("right"), bad, rough, left))))
    assert found.ids == ["x-right", "x-wrong", "x-rough", "x-io"]
    assert [link.removeprefix("#") for link in found.links] == found.ids and found.outside == []
    assert "4 experiments: 1 as predicted, 1 not as predicted, 1 undecided, 1 left out." in found.text
    verdicts = [value for tag, value in found.classes if tag == "span" and value.startswith("mark ")]
    assert [verdicts.count(f"mark {verdict}") for verdict in ("good", "bad", "unsure", "left")] == [3, 3, 3, 2]
    assert "needs the controller io" in found.text
    # Bars of three, a curve and a distribution of one, and a gauge of each that was run.
    assert found.tags.count("figure") == 5 and found.tags.count("svg") == 8


def test_a_host_that_is_not_quiet_is_told() -> None:
    noise = {"before": {"steal": 0.002}, "after": {"steal": 0.08}, "exceeds": True, "figure": 0.08}
    found = Page(result_page(as_result(result(experiment("a"), noise=noise)))).text
    assert "This host was not quiet" in found and "steal 0.2%, then 8.0%" in found
    quiet = Page(result_page(as_result(result(experiment("a"), noise={**noise, "exceeds": False})))).text
    assert "not quiet" not in quiet


def test_what_is_hostile_is_words(tmp_path: Path) -> None:
    name = "</style><script>alert(1)</script><img src=x onerror=y>"
    one = experiment(
        name, quantity(name, 0.5, 0.5), series={name: {**SERIES, "unit": name}}, question=name, source=name
    )
    found = Page(result_page(read_result(written(tmp_path, result(one, kernel=name)))))
    assert not {"script", "img"} & set(found.tags)
    assert found.text.count(name) > 6


TREE = """\
machine: {cpus: 4, memory: 8G}
groups:
  web: {cpu.weight: 300, memory.low: 3G, groups: {
    front: {cpu.weight: 200, demand: {threads: 4, memory: 1G}},
    back: {memory.max: 2G, demand: {threads: 8, memory: 3G}}}}
  database: {memory.min: 2G, demand: {cpu: 0.5, threads: 16, memory: 7G, io: 60%}}
  "<script>": {cpu.max: 0.5, demand: {threads: 2}}
"""


def test_a_prediction_is_a_page() -> None:
    plan = parse_plan(TREE, "t")
    found = Page(forecast_page("t.yaml", plan, predict(plan)))
    assert "script" not in found.tags and found.outside == []
    assert found.tags.count("figure") == 3 and "What if" not in found.text
    assert "web/back" in found.text and "cpu.max throttles" in found.text
    assert "memory: 10.00 GiB are wanted, 8.00 GiB are there" in found.text


def test_what_if_shows_before_and_after() -> None:
    before = parse_plan(TREE, "t")
    plan = edit(before, "<script>/cpu.max=max")
    found = Page(forecast_page("t.yaml", plan, predict(plan), ["<script>/cpu.max=max"], (before, predict(before))))
    assert found.tags.count("figure") == 6 and "<script>/cpu.max=max" in found.text
    assert "0.5 → " in found.text


def test_a_page_of_many_groups_lists_those_that_are_held_back_first() -> None:
    groups = "".join(f"  g{number}: {{demand: {{memory: 1M}}}}\n" for number in range(2000))
    plan = parse_plan(f"machine: {{cpus: 4}}\ngroups:\n{groups}  slow: {{cpu.max: 0.1, demand: {{threads: 4}}}}\n", "t")
    content = forecast_page("t", plan, predict(plan))
    found = Page(content)
    assert "1701 more groups are not listed" in found.text and "slow" in found.text
    assert len(content) < 500_000
