"""What docs/cgroupfs.md shows works as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup

pytestmark = pytest.mark.requires("root", "cgroup2")
DOCUMENT = Path(__file__).parents[3] / "docs/cgroupfs.md"


def example(words: str) -> str:
    (found,) = re.findall(rf"^```{words}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert isinstance(found, str)
    return found


def output(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_first_example_runs() -> None:
    assert output(example("python"))[1:] == ["exit status 3", "True {'populated': 0, 'frozen': 0}"]


def test_the_example_of_accounting_runs(cgroup: Cgroup) -> None:
    found = [line for line in output(example("python accounting")) if line.startswith(f"{cgroup.path} ")]
    assert found == [f"{cgroup.path} processors: 0.0"]


@pytest.mark.requires("cpu", "memory", "pids")
def test_the_example_with_controllers_runs() -> None:
    assert output(example("python controllers")) == ["536870912 CpuMax(quota=50000, period=100000) 0"]
