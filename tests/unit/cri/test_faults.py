"""Points at which the server is killed, as the environment says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
from firkin import log
from firkin.cri import faults

def come_by(step, call="StopPodSandbox"):
    with log.bound(call=call):
        faults.reach(step)

come_by("begin")
come_by("record-before")
print("one", flush=True)
come_by("record-before")
print("two", flush=True)
faults.reach("launched", call="stream")
come_by({step!r})
print("three", flush=True)
"""


def run(fault: Path | None, step: str = "answer") -> tuple[int, list[str], str]:
    environment = {key: value for key, value in os.environ.items() if key != "FIRKIN_FAULT"}
    environment |= {"FIRKIN_FAULT": str(fault)} if fault else {}
    command = [sys.executable, "-P", "-c", _PROGRAM.format(step=step)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split(), done.stderr


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("", ["one", "two", "three"]),
        ("StopPodSandbox.begin", []),
        ("StopPodSandbox.record-before", []),
        ("StopPodSandbox.record-before:2", ["one"]),
        ("StopPodSandbox.record-before:3", ["one", "two", "three"]),
        ("RemovePodSandbox.record-before", ["one", "two", "three"]),
        ("stream.launched", ["one", "two"]),
    ],
)
def test_the_point_in_the_file_is_the_last_one(tmp_path: Path, point: str, said: list[str]) -> None:
    (tmp_path / "fault").write_text(point)
    status, output, _ = run(tmp_path / "fault")
    assert (status, output) == (0 if said[-1:] == ["three"] else -signal.SIGKILL, said)


def test_without_the_variable_nothing_is_looked_at() -> None:
    assert run(None, "no such step")[:2] == (0, ["one", "two", "three"])


def test_a_step_that_is_in_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fault").write_text("")
    status, _, complaint = run(tmp_path / "fault", "no-such-step")
    assert status == 1
    assert "StopPodSandbox.no-such-step: is not in the table of steps" in complaint
