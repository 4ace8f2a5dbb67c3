"""Which disks may be overwritten, and what becomes of a setting whose changer dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firkin.errors import FirkinError, UsageError
from firkin.workbench.scratch_disk import check_named, own_settings
from firkin.workbench.undone import undone
from tests.support.waiting import eventually

CHANGER = """\
import sys, time
from firkin.workbench.undone import undone
with undone(sys.argv[1], "before!"):
    open(sys.argv[1], "w").write("changed")
    print("changed", flush=True)
    time.sleep(600)
"""


def test_what_is_no_disk_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "it is no block device"), (tmp_path / "none", "No such file or directory")):
        with pytest.raises(UsageError, match=f"--device {path}: {reason}"):
            check_named(str(path))


def test_a_setting_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    path.write_text("before!")
    with undone(str(path), "before!"):
        path.write_text("changed")
    assert path.read_text() == "before!"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_setting_is_put_back_whoever_dies(tmp_path: Path, number: int) -> None:
    path = tmp_path / "setting"
    path.write_text("before!")
    argv = [sys.executable, "-P", "-c", CHANGER, str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None and process.stdout.readline() == b"changed\n"
        process.send_signal(number)
    eventually(lambda: path.read_text() == "before!")


def test_what_can_not_be_put_back_is_told(tmp_path: Path) -> None:
    path = tmp_path / "setting"
    with pytest.raises(FirkinError, match=f"put back {path}: .*No such file or directory"), undone(str(path), "x"):
        pass


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("8:0 ctrl=auto model=linear rbps=174019176 rseqiops=41708", "8:0 ctrl=auto"),
        ("8:0 enable=1 ctrl=auto rpct=0.00 rlat=250000 min=1.00", "8:0 enable=1 ctrl=auto"),
        ("8:0 enable=1 ctrl=user rpct=95.00 rlat=75000", "8:0 enable=1 ctrl=user rpct=95.00 rlat=75000"),
        ("8:0 ctrl=auto", "8:0 ctrl=auto"),
    ],
)
def test_what_the_kernel_chose_stays_its_choice(shown: str, written: str) -> None:
    assert own_settings(shown) == written
