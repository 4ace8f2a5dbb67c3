"""A test that ran nowhere is noticed, and one that ran elsewhere is not missed."""

from __future__ import annotations

import pytest

from tests.suite.accounting import account
from tests.suite.record import Part, Result
from tests.suite.summary import summary

NO_MEMORY = {"memory": "bound to v1"}


def part(*results: Result, where: str = "this machine", problem: str = "") -> Part:
    return Part("integration", where, 1.0, results, problem)


def passed(nodeid: str) -> Result:
    return Result(nodeid, "passed")


def skipped(nodeid: str, **unmet: str) -> Result:
    return Result(nodeid, "skipped", "requires something", unmet)


def test_a_skip_for_a_requirement_is_made_up_for_by_the_guest() -> None:
    result = account([part(skipped("a", **NO_MEMORY), passed("b")), part(passed("a"), where="guest")])
    assert result.last_line() == "2 passed, 0 failed, 0 skipped"
    assert result.is_good(strict=True)


def test_a_skip_that_nothing_makes_up_for_fails_a_strict_run_only() -> None:
    result = account([part(skipped("a", **NO_MEMORY), passed("b")), part(passed("c"), where="guest")])
    assert result.last_line() == "2 passed, 0 failed, 1 skipped"
    assert result.is_good(strict=False)
    assert not result.is_good(strict=True)


def test_a_test_that_skips_by_itself_is_not_made_up_for() -> None:
    result = account([part(skipped("a")), part(passed("a"), where="guest")])
    assert [lost.nodeid for lost in result.skipped] == ["a"]


def test_a_test_skipped_in_both_places_ran_nowhere() -> None:
    result = account([part(skipped("a", **NO_MEMORY)), part(skipped("a", strace="none"), where="guest")])
    assert len(result.skipped) == 2


def test_a_failure_in_the_guest_fails_the_run() -> None:
    result = account([part(skipped("a", **NO_MEMORY)), part(Result("a", "failed"), where="guest")])
    assert result.last_line() == "0 passed, 1 failed, 0 skipped"
    assert not result.is_good(strict=False)


def test_a_problem_that_is_no_tests_fails_the_run() -> None:
    assert not account([part(passed("a"), problem="the guest died")]).is_good(strict=False)


def test_a_run_of_nothing_is_not_good() -> None:
    assert not account([part()]).is_good(strict=False)


@pytest.mark.parametrize("strict", [False, True])
def test_the_summary_names_what_failed_and_what_ran_nowhere(strict: bool) -> None:
    parts = [part(passed("a"), skipped("b", **NO_MEMORY), Result("c", "failed", "assert 1 == 2"), problem="broken")]
    lines = summary(parts, account(parts), strict=strict).splitlines()
    assert "  c: assert 1 == 2" in lines
    assert "  b: requires something" in lines
    assert "problem: integration, this machine: broken" in lines
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"


def test_the_summary_counts_tests_that_did_not_run_and_names_none() -> None:
    parts = [part(Result("a", "failed", "did not end"), Result("b", "failed", "did not run"))]
    lines = summary(parts, account(parts), strict=False).splitlines()
    assert "  a: did not end" in lines
    assert "  1 that did not run, as the session broke off before" in lines
    assert lines[-1] == "0 passed, 2 failed, 0 skipped"


def test_the_summary_tells_skipped_from_run_elsewhere() -> None:
    parts = [part(skipped("a", **NO_MEMORY), skipped("b"), passed("c")), part(passed("a"), where="guest")]
    heading, here, guest = summary(parts, account(parts), strict=False).splitlines()[1:4]
    assert heading.split() == ["what", "where", "passed", "failed", "skipped", "elsewhere", "time"]
    assert here.split()[-6:] == ["1", "0", "1", "1", "1", "s"]
    assert guest.split()[-6:] == ["1", "0", "0", "0", "1", "s"]
