"""Scheduling, memory policy, personality and clocks, as the kernel shows them from inside."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")


def _has_nice() -> bool:
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> 23 & 1)


@pytest.mark.parametrize(
    ("scheduler", "shown"),
    [
        ({"policy": "SCHED_BATCH", "nice": 5}, "3 0 5"),
        ({"policy": "SCHED_IDLE"}, "5 0 0"),
        ({"policy": "SCHED_OTHER", "nice": 19}, "0 0 19"),
        ({"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, f"{3 | 0x40000000} 0 0"),
    ],
)
def test_scheduler(firkin: Firkin, bundle: Bundle, scheduler: dict[str, object], shown: str) -> None:
    bundle.process["scheduler"] = scheduler
    script = "import os; print(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, os.getpriority(0, 0))"
    assert firkin.run(bundle.python(script)).strip() == shown


@pytest.mark.parametrize(("policy", "number"), [("SCHED_FIFO", 1), ("SCHED_RR", 2)])
def test_real_time_scheduler_needs_a_right(firkin: Firkin, bundle: Bundle, policy: str, number: int) -> None:
    bundle.process["scheduler"] = {"policy": policy, "priority": 7}
    script = "import os; print(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)"
    done = firkin("run", "-b", bundle.python(script).save(), firkin.new_id(), check=False)
    if _has_nice():
        assert done.stdout == f"{number} 7\n"
    else:
        assert done.stderr.startswith("firkin: error: process.scheduler: scheduler: Operation not permitted")


def test_deadline_scheduler(firkin: Firkin, bundle: Bundle) -> None:
    times = {"runtime": 10_000_000, "deadline": 20_000_000, "period": 30_000_000}
    bundle.process["scheduler"] = {"policy": "SCHED_DEADLINE", **times}
    bundle.process["args"] = ["cat", "/proc/self/stat"]
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    if _has_nice():
        assert done.stdout.rpartition(")")[2].split()[38] == "6"
    else:
        assert done.stderr.startswith("firkin: error: process.scheduler: scheduler: Operation not permitted")


@pytest.mark.parametrize(
    ("priority", "number"),
    [
        ({"class": "IOPRIO_CLASS_BE", "priority": 6}, 2 << 13 | 6),
        ({"class": "IOPRIO_CLASS_IDLE"}, 3 << 13),
    ],
)
def test_io_priority(firkin: Firkin, bundle: Bundle, priority: dict[str, object], number: int) -> None:
    bundle.process["ioPriority"] = priority
    script = f"import ctypes; print(ctypes.CDLL(None).syscall({_number('ioprio_get')}, 1, 0))"
    assert firkin.run(bundle.python(script)).strip() == str(number)


def _number(name: str) -> int:
    return {"x86_64": {"ioprio_get": 252, "get_mempolicy": 239}, "aarch64": {"ioprio_get": 31, "get_mempolicy": 236}}[
        os.uname().machine
    ][name]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ({"mode": "MPOL_BIND", "nodes": "0"}, "2 1"),
        ({"mode": "MPOL_INTERLEAVE", "nodes": "0-0"}, "3 1"),
        ({"mode": "MPOL_PREFERRED", "nodes": ""}, "1 0"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, f"{2 | 1 << 15} 1"),
        ({"mode": "MPOL_DEFAULT"}, "0 0"),
    ],
)
def test_memory_policy(firkin: Firkin, bundle: Bundle, policy: dict[str, object], shown: str) -> None:
    bundle.linux["memoryPolicy"] = policy
    script = (
        "import ctypes; mode = ctypes.c_int(); mask = (ctypes.c_ulong * 16)(); get = ctypes.CDLL(None).syscall;"
        f"r = get({_number('get_mempolicy')}, ctypes.byref(mode), mask, 1024, 0, 0);"
        "print(r or f'{mode.value & 0xffffffff} {mask[0]}')"
    )
    # MPOL_PREFERRED without nodes is what the kernel calls MPOL_LOCAL.
    found = firkin.run(bundle.python(script)).strip()
    assert found == shown or (policy["mode"] == "MPOL_PREFERRED" and found == "4 0")


def test_memory_policy_with_a_node_that_is_not_there(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1000"}
    assert firkin.fails(bundle).startswith("linux.memoryPolicy: memory policy: Invalid argument")


def test_memory_policy_holds_for_an_exec(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    id = firkin.start(bundle.shell("exec sleep 1000"))
    shown = firkin("exec", id, "cat", "/proc/self/numa_maps").stdout
    assert "bind:0" in shown


@pytest.mark.parametrize(("domain", "machine"), [("LINUX", os.uname().machine), ("LINUX32", "i686")])
def test_personality(firkin: Firkin, bundle: Bundle, domain: str, machine: str) -> None:
    if os.uname().machine == "aarch64" and domain == "LINUX32":
        machine = "armv8l"
    bundle.linux["personality"] = {"domain": domain}
    (bundle.rootfs / "bin/uname").symlink_to("busybox")
    id = firkin.start(bundle.shell("uname -m > /tmp/machine; exec sleep 1000"))
    assert firkin("exec", id, "uname", "-m").stdout == f"{machine}\n"
    assert (bundle.rootfs / "tmp/machine").read_text() == f"{machine}\n"


def test_clocks_of_a_new_time_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "ipc", "network", "time")
    bundle.linux["timeOffsets"] = {"monotonic": {"secs": 1000000, "nanosecs": 500}, "boottime": {"secs": 2000000}}
    bundle.process["args"] = ["cat", "/proc/uptime", "/proc/self/timens_offsets"]
    uptime, monotonic, boottime = firkin.run(bundle).splitlines()
    assert float(uptime.split()[0]) - time.clock_gettime(time.CLOCK_BOOTTIME) > 1999000
    assert monotonic.split() == ["monotonic", "1000000", "500"]
    assert boottime.split() == ["boottime", "2000000", "0"]


@pytest.mark.requires("userns")
def test_clocks_with_a_user_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "ipc", "network", "time").user_namespace()
    bundle.without_mount("/sys/fs/cgroup")
    bundle.linux["timeOffsets"] = {"boottime": {"secs": -1, "nanosecs": 5}}
    bundle.process["args"] = ["grep", "boottime", "/proc/self/timens_offsets"]
    assert firkin.run(bundle).split() == ["boottime", "-1", "5"]


def test_clock_before_the_start_of_the_system_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "ipc", "network", "time")
    bundle.linux["timeOffsets"] = {"boottime": {"secs": -(1 << 40)}}
    assert firkin.fails(bundle).startswith("linux.timeOffsets.boottime: write 'boottime -1099511627776 0' to ")


@pytest.mark.parametrize(
    "affinity", [{"initial": "0"}, {"final": "0"}, {"initial": "0-1", "final": "0"}, {"initial": " 0 , 0-0"}]
)
def test_processors_of_an_exec(firkin: Firkin, bundle: Bundle, affinity: dict[str, str]) -> None:
    bundle.process["execCPUAffinity"] = affinity
    id = firkin.start(bundle.shell("exec sleep 1000"))
    allowed = firkin("exec", id, "grep", "^Cpus_allowed_list", "/proc/self/status").stdout.split()[1]
    assert allowed == "0"
    assert os.sched_getaffinity(firkin.state(id)["pid"]) == os.sched_getaffinity(0)


def test_processor_that_is_not_there_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    bundle.process["execCPUAffinity"] = {"final": "8000"}
    process = bundle.path / "process.json"
    process.write_text(json.dumps(bundle.process))
    done = firkin("exec", "--process", process, id, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("firkin: error: process.execCPUAffinity.final: affinity: Invalid argument")
