"""What the loads of experiments do and say."""

from __future__ import annotations

import os
import subprocess

import pytest

from firkin.errors import CgroupError
from firkin.workbench.loads import PROGRAM
from firkin.workbench.place import opened_stage
from firkin.workbench.trace import Trace
from tests.support.bench import nothing_left

pytestmark = pytest.mark.requires("root", "cgroup2")

MILLISECOND = 1e6


def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    argv = [PROGRAM, str(os.getpid()), *words]
    return subprocess.run(argv, input=given, capture_output=True, text=True, check=False)


def test_who_waits_for_others_is_late_from_when_it_was_due() -> None:
    trace = Trace([0, 0, 0.001], [0.02, 0.03, 0.01])
    with opened_stage(()) as stage:
        load = stage.load(stage.group("server"), "request", len(trace), given=trace.text)
        load.told("serving")
        load.told("served")
        found = load.counted("ms", MILLISECOND)
    assert found.total == 3
    # 20, 20 + 30, 20 + 30 + 10 - 1: no request is done sooner, and bounds are not below what they bound.
    assert found.quantile(0.3) >= 20 and found.quantile(0.6) >= 50 and found.quantile(1) >= 59


def test_all_gaps_between_readings_of_the_clock_are_counted() -> None:
    with opened_stage(()) as stage:
        load = stage.load(stage.group("reader"), "clock", 20)
        load.told("reading")
        took, lost, worst, slow, middling = map(int, load.told("read"))
        gaps = load.counted("ns", 1)
    assert took >= 20_000_000 and lost <= took and 0 <= slow <= middling
    # The bound of the last bucket is at most a sixteenth above the longest gap.
    assert worst <= gaps.counts[-1][0] <= worst * 17 / 16 + 1
    assert gaps.total > 0


def test_a_load_that_ends_before_it_says_something_is_an_error() -> None:
    with opened_stage(()) as stage:
        load = stage.load(stage.group("server"), "request", 2, given="0 1000\n")
        with pytest.raises(CgroupError, match="ended before it said 'serving'"):
            load.told("serving")
    assert nothing_left()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "usage: firkin-load PARENT spin THREADS\n"),
        (("spin",), "usage: firkin-load PARENT spin THREADS\n"),
        (("dance", "1"), "usage: firkin-load PARENT spin THREADS\n"),
        (("spin", "0"), "firkin-load: '0' is not a number above 0\n"),
        (("spin", "1x"), "firkin-load: '1x' is not a number above 0\n"),
    ],
)
def test_wrong_words_are_told(words: tuple[str, ...], error: str) -> None:
    done = run(*words)
    assert done.returncode == 2 and done.stderr.startswith(error)


def test_requests_that_are_too_few_are_told() -> None:
    done = run("request", "2", given="0 1000\nx")
    assert done.returncode == 1 and done.stderr == "firkin-load: read the requests: Invalid argument\n"


def test_a_load_does_not_outlive_who_started_it() -> None:
    argv = [PROGRAM, str(os.getpid() + 1), "spin", "1"]
    assert subprocess.run(argv, check=False).returncode == 1
