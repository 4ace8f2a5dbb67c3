"""firkin-load as a program: what its loads of memory, files and devices say, and how they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.workbench.loads import PROGRAM

MIB = 1 << 20


@contextmanager
def load(*words: object) -> Iterator[subprocess.Popen[str]]:
    argv = [PROGRAM, str(os.getpid()), *map(str, words)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def complaint(*words: object) -> str:
    with load(*words) as process:
        assert process.stderr is not None
        return process.stderr.readline()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_memory_is_taken_page_by_page_and_kept() -> None:
    with load("grow", 8 * MIB, 4 * MIB) as process:
        assert [said(process), said(process)] == [f"at {4 * MIB}\n", f"at {8 * MIB}\n"]
        assert resident(process.pid) >= 8 * MIB


def test_a_file_is_read_from_here_to_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * MIB))
    with load("read", path, MIB, 3 * MIB, 2) as process:
        assert said(process) == "read 2\n"
        counted = dict(line.split(": ") for line in Path(f"/proc/{process.pid}/io").read_text().splitlines())
        assert 4 * MIB <= int(counted["rchar"]) < 5 * MIB
    assert complaint("read", path, MIB, 4 * MIB, 1) == f"firkin-load: {path}: No data available\n"
    assert complaint("read", tmp_path / "none", MIB, 2 * MIB, 1).endswith("No such file or directory\n")


@pytest.mark.parametrize("order", ["sequential", "random"])
def test_a_device_is_too_small_or_is_none(tmp_path: Path, order: str) -> None:
    path = tmp_path / "none"
    assert complaint("block", path, "read", order, 4096, 1) == f"firkin-load: {path}: No such file or directory\n"


def test_what_can_not_be_understood_is_told() -> None:
    assert complaint("grow", 5).startswith("usage: firkin-load PARENT ")
    assert complaint("grow", "five", 1) == "firkin-load: 'five' is not a number above 0\n"
