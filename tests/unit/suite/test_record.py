"""What happened is read back, also where a session broke off."""

from __future__ import annotations

import json

from tests.suite.record import Collected, Part, Result, parse_collected, parse_junit, parse_results

JUNIT = """<?xml version='1.0' encoding='utf8'?>
<testsuites tests="3" errors="0" failures="1">
  <testsuite name="firkin" tests="3">
    <testcase name="plan" classname="firkin" time="0.1" />
    <testcase name="files" classname="firkin" time="0.1"><failure /><system-err>overflow</system-err></testcase>
    <testcase name="channel" classname="firkin"><skipped message="no pidfd" /></testcase>
  </testsuite>
</testsuites>
"""


def collected(nodeid: str) -> str:
    return json.dumps(
        {"event": "collected", "nodeid": nodeid, "requires": ["cpu"], "unmet": {"cpu": "v1"}, "guest": True}
    )


def started(nodeid: str) -> str:
    return json.dumps({"event": "started", "nodeid": nodeid})


def ended(nodeid: str, outcome: str) -> str:
    return json.dumps({"event": "ended", "nodeid": nodeid, "outcome": outcome, "unmet": {}, "reason": "why"})


def test_a_collected_test_keeps_what_it_requires() -> None:
    assert parse_collected([collected("a"), started("a")]) == [Collected("a", ["cpu"], {"cpu": "v1"}, guest=True)]


def test_a_test_has_the_outcome_it_ended_with() -> None:
    assert parse_results([collected("a"), started("a"), ended("a", "skipped")]) == [Result("a", "skipped", "why")]


def test_a_test_that_broke_off_or_was_not_come_to_has_failed() -> None:
    lines = [collected("a"), collected("b"), started("a")]
    assert parse_results(lines) == [Result("a", "failed", "did not end"), Result("b", "failed", "did not run")]


def test_an_expected_test_that_the_session_never_found_has_failed() -> None:
    assert parse_results([], ["a"]) == [Result("a", "failed", "did not run")]


def test_a_line_that_was_being_written_ends_the_record() -> None:
    assert parse_results([collected("a"), started("a"), ended("a", "passed")[:20]])[0].reason == "did not end"


def test_a_module_that_can_not_be_collected_has_failed() -> None:
    assert parse_results([ended("tests/x.py", "failed")]) == [Result("tests/x.py", "failed", "why")]


def test_results_of_the_c_tests() -> None:
    part = Part("C", "here", 1.0, parse_junit(JUNIT))
    assert [result.nodeid for result in part.results] == ["firkin::plan", "firkin::files", "firkin::channel"]
    assert (part.count("passed"), part.count("failed"), part.count("skipped")) == (1, 1, 1)
    assert part.results[2].reason == "no pidfd"
