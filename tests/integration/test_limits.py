"""Limits, shown by what they do to the processes of a container."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")
MIB = 1 << 20


@pytest.mark.requires("memory")
def test_memory_limit_ends_who_takes_more(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
    bundle.shell("x=a; while :; do x=$x$x; done")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert done.returncode == 137


@pytest.mark.requires("memory")
def test_memory_limit_leaves_alone_who_takes_less(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
    bundle.shell("dd if=/dev/zero of=/dev/null bs=4M count=1 2>/dev/null && echo fits")
    assert firkin.run(bundle) == "fits\n"


@pytest.mark.requires("memory")
def test_true_runs_in_one_mebibyte(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": MIB, "swap": MIB}}
    firkin.run(bundle)


@pytest.mark.requires("memory")
def test_memory_too_small_to_start_in_is_told_in_one_line(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 4096, "swap": 4096}}
    id = firkin.new_id()
    done = firkin("run", "-b", bundle.save(), id, check=False)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) <= 1
    assert firkin.leftovers(id) == []


@pytest.mark.requires("pids")
def test_pids_limit_makes_fork_fail(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"pids": {"limit": 4}}
    bundle.shell("for i in 1 2 3 4 5 6; do sleep 5 & done; echo all started")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert "can't fork" in done.stderr
    assert "all started" not in done.stdout


@pytest.mark.requires("cpu")
def test_cpu_quota_is_the_share_of_a_processor_that_a_loop_gets(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"cpu": {"quota": 20_000, "period": 100_000}}
    bundle.shell("while :; do :; done")
    id = firkin.start(bundle)
    stat = Path(f"/sys/fs/cgroup/firkin-{id}/cpu.stat")

    def read() -> dict[str, int]:
        return {key: int(value) for key, value in (line.split() for line in stat.read_text().splitlines())}

    begin, before = time.monotonic(), read()
    # What is measured is time: nothing to wait for but its passing. A guest that waits for its host needs more of it.
    for _ in range(100):
        time.sleep(1)
        after, elapsed = read(), time.monotonic() - begin
        if after["nr_throttled"] > before["nr_throttled"] and after["usage_usec"] > before["usage_usec"]:
            break
    # A loop without a quota has all of the time; it is the quota that stops this one.
    assert 0 < after["usage_usec"] - before["usage_usec"] < 0.5 * elapsed * 1e6
    assert after["nr_throttled"] > before["nr_throttled"]


@pytest.mark.requires("cpu", "memory", "pids")
def test_limits_hold_from_the_first_instruction(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {
        "cpu": {"shares": 512},
        "memory": {"limit": 32 * MIB, "reservation": MIB},
        "pids": {"limit": 50},
        "unified": {"memory.high": str(24 * MIB)},
    }
    id = firkin.create(bundle)
    cgroup = Path(f"/sys/fs/cgroup/firkin-{id}")
    assert (cgroup / "cgroup.procs").read_text() == f"{firkin.state(id)['pid']}\n"
    values = {name: (cgroup / name).read_text().strip() for name in ("cpu.weight", "memory.low", "memory.high")}
    assert values == {"cpu.weight": "59", "memory.low": str(MIB), "memory.high": str(24 * MIB)}


@pytest.mark.requires("memory")
def test_cgroups_path_is_made_and_only_its_leaf_removed(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["cgroupsPath"] = f"/firkin-test-{os.getpid()}/a/leaf"
    bundle.linux["resources"] = {"memory": {"limit": 64 * MIB}}
    bundle.shell("cat /proc/self/cgroup")
    top = Path(f"/sys/fs/cgroup/firkin-test-{os.getpid()}")
    try:
        assert firkin.run(bundle) == "0::/\n"
        assert [p.name for p in (top / "a").iterdir() if p.is_dir()] == []
    finally:
        (top / "a").rmdir()
        top.rmdir()
