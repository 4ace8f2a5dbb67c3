"""A run of experiments that is ended at any moment: nothing is left of it, or nothing after the next."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from firkin.workbench.experiment import Experiment, Host, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from firkin.workbench.measurement import Measurement
from firkin.workbench.place import opened_stage, sweep, swept
from firkin.workbench.signals import unwinding
from firkin.workbench.stage import Stage
from tests.support.bench import loads, nothing_left
from tests.support.bundle import Firkin
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

# The interpreter ignores what is raised in a callback of a weak reference: the run goes on to its end.
_SWALLOWED = 9
_STRIDE = 23  # calls of C functions from one moment to the next


def _brief(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group")
    load = stage.load(group, "fork", 2)
    load.told("forked")
    group.freeze()
    group.thaw()
    return Measurement({})


BRIEF: Experiment = replace(EXPERIMENTS["freeze"], predict=lambda host: {}, measure=_brief)


def run_until(number: int, moment: int) -> int:
    """Run it in a child that sends itself a signal at its so many-th call of a C function; returns its status."""
    child = os.fork()
    if child == 0:
        _child(number, moment)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(number: int, moment: int) -> NoReturn:
    left = moment

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        left -= event == "c_call"
        if not left:
            sys.setprofile(None)
            os.kill(os.getpid(), number)

    status = 1
    try:
        with unwinding(), swept():
            sys.setprofile(profile)
            run_experiment(BRIEF, Host(processors=1, page=4096, seconds=0.1, repetitions=1))
            sys.setprofile(None)
        status = 0 if left > 0 else _SWALLOWED
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except SystemExit as end:
        status = int(str(end.code))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_nothing(number: int) -> None:
    for count in itertools.count():
        status = run_until(number, 1 + count * _STRIDE)
        assert nothing_left(), f"after {count * _STRIDE} calls"
        if status == 0:
            break
        assert status in (128 + number, _SWALLOWED)
    assert count > 5


def test_what_a_kill_at_any_moment_leaves_is_removed_by_the_next_run() -> None:
    for count in itertools.count():
        status = run_until(signal.SIGKILL, 1 + count * _STRIDE)
        # The loads die with who started them.
        eventually(lambda: not loads())
        if status == 0:
            break
        assert status == -signal.SIGKILL
        with opened_stage(()) as stage:
            assert list(stage.top.children()) == []
        assert nothing_left(), f"after {count * _STRIDE} calls"
    assert count > 5


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_command_cleans_up_when_it_is_ended(firkin: Firkin, number: int, status: int) -> None:
    argv = firkin.command("bench", "models", "freeze")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: loads(process.pid))
        process.send_signal(number)
        _, error = process.communicate()
    assert (process.returncode, error) == (status, "") and nothing_left()


def test_two_runs_take_turns() -> None:
    program = "from firkin.workbench.place import opened_stage\nwith opened_stage(()): print('its turn')"
    with opened_stage(()) as stage:
        other = subprocess.Popen([sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, text=True)
        eventually(lambda: _is_waiting(other.pid))
        # What goes on is not swept away.
        sweep()
        assert not nothing_left() and stage.top.events()["populated"] == 0
    said, _ = other.communicate()
    assert (said, other.returncode) == ("its turn\n", 0) and nothing_left()


def _is_waiting(pid: int) -> bool:
    # A line such as `12: -> FLOCK  ADVISORY  WRITE 4711 00:1b:3 0 EOF` for each that waits for another.
    waiting = (line.split() for line in Path("/proc/locks").read_text().splitlines() if " -> " in line)
    return any(str(pid) in words for words in waiting)
