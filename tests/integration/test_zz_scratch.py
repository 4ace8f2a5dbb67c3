"""Scratch: the effects of limits, through cgroupfs itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cgroup_probe import hierarchy

EAT = "import sys; x = bytearray(int(sys.argv[1]) << 20); print(len(x))"


@pytest.fixture
def group() -> Iterator[Path]:
    root = hierarchy()
    assert root is not None
    for name in ("memory", "cpu", "pids"):
        if name in (root / "cgroup.controllers").read_text().split():
            (root / "cgroup.subtree_control").write_text(f"+{name}")
    path = root / "scratch-test"
    path.mkdir()
    yield path
    path.rmdir()


def run_in(group: Path, *command: str) -> subprocess.CompletedProcess[str]:
    script = f"echo $$ > {group}/cgroup.procs; exec \"$@\""
    return subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, text=True, check=False)


@pytest.mark.requires("root", "cgroup2", "memory", "swap")
def test_a_process_over_its_memory_limit_is_killed(group: Path) -> None:
    (group / "memory.max").write_text(str(32 << 20))
    (group / "memory.swap.max").write_text("0")
    assert run_in(group, sys.executable, "-c", EAT, "8").returncode == 0
    assert run_in(group, sys.executable, "-c", EAT, "64").returncode == -9
    assert "oom_kill 1" in (group / "memory.events").read_text()


@pytest.mark.requires("root", "pids")
def test_pids_limit(group: Path) -> None:
    (group / "pids.max").write_text("1")
    assert "fork" in run_in(group, "sh", "-c", "true & true & wait").stderr


@pytest.mark.requires("root", "cgroup2")
def test_plain_cgroup(group: Path) -> None:
    assert run_in(group, "cat", "/proc/self/cgroup").stdout.endswith("/scratch-test\n")


@pytest.mark.guest
def test_everywhere() -> None:
    assert os.geteuid() == 0


@pytest.mark.requires("systemd")
def test_systemd() -> None:
    assert Path("/proc/1/comm").read_text() == "systemd\n"


@pytest.mark.requires("root", "timens", "mqueue", "overlay", "userns", "netns", "cgroupns", "psi", "io", "cpuset", "hugetlb", "disk", "unified")
def test_all_kernel_words() -> None:
    pass


@pytest.mark.requires("runc", "crun", "umoci", "strace", "debootstrap", "busybox", "ip", "gcc")
def test_tools() -> None:
    pass


@pytest.mark.requires("skopeo")
def test_missing_tool() -> None:
    pass
