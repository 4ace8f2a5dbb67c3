"""New limits and device rules for a cgroup in use."""

from __future__ import annotations

import os

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.device_rules import attached_programs, replace_device_rules
from firkin.cgroupfs.update import update, write_all
from firkin.errors import CgroupError, CgroupValueError, ConfigError, UnsupportedError
from firkin.oci.runtime_spec import Cpu, DeviceRule, Memory, Pids, Resources

pytestmark = pytest.mark.requires("root", "cgroup2")

NOTHING = (DeviceRule(allow=False, type="a", access="rwm"),)
# The devices that every container has, such as /dev/null, can not be taken away.
READ = (*NOTHING, DeviceRule(allow=True, type="c", major=1, minor=11, access="r"))
READ_AND_WRITE = (*READ, DeviceRule(allow=True, type="c", major=1, minor=11, access="w"))


def opens(group: Cgroup, direction: str) -> bool:
    return group.spawn(["sh", "-c", f"exec 3{direction} /dev/kmsg"]).wait() == 0


def test_device_rules_are_replaced(cgroup: Cgroup) -> None:
    assert attached_programs(cgroup) == []
    replace_device_rules(cgroup, READ)
    (first,) = attached_programs(cgroup)
    assert (opens(cgroup, "<"), opens(cgroup, ">")) == (True, False)
    update(cgroup, Resources(devices=READ_AND_WRITE))
    (second,) = attached_programs(cgroup)
    assert first != second
    assert (opens(cgroup, "<"), opens(cgroup, ">")) == (True, True)
    replace_device_rules(cgroup, NOTHING)
    assert (opens(cgroup, "<"), opens(cgroup, ">")) == (False, False)


def test_there_is_no_moment_without_rules(cgroup: Cgroup) -> None:
    # What all rules refuse never opens, what all allow always does, however often they are replaced meanwhile.
    replace_device_rules(cgroup, READ)
    read, write = os.pipe()
    script = "echo; while :; do if (exec 3<> /dev/kmsg) 2>/dev/null; then exit 3; fi; : < /dev/kmsg || exit 4; done"
    with cgroup.spawn(["sh", "-c", script], output=write) as process:
        os.close(write)
        os.read(read, 1)
        for _ in range(300):
            replace_device_rules(cgroup, (*READ, DeviceRule(allow=True, type="b", major=7, minor=0, access="r")))
            replace_device_rules(cgroup, READ)
        assert os.waitid(os.P_PIDFD, process.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    os.close(read)
    assert len(attached_programs(cgroup)) == 1


def test_writes_are_all_or_none(cgroup: Cgroup) -> None:
    cgroup.core.max_depth = 7
    with pytest.raises(CgroupError):
        write_all(cgroup, [("cgroup.max.depth", "9"), ("cgroup.freeze", "1"), ("cgroup.max.descendants", "nonsense")])
    assert (cgroup.core.max_depth, cgroup.core.freeze) == (7, False)


def test_a_limit_without_its_controller_changes_nothing(cgroup: Cgroup) -> None:
    resources = Resources(pids=Pids(limit=5), unified={"nonsense.max": "1"}, devices=READ)
    with pytest.raises(UnsupportedError):
        update(cgroup, resources)
    assert attached_programs(cgroup) == []


@pytest.mark.requires("cpu", "memory", "pids", "swap")
def test_limits_of_all_kinds(cgroup: Cgroup) -> None:
    update(cgroup, Resources(memory=Memory(limit=64 << 20, swap=96 << 20), cpu=Cpu(quota=50_000, burst=20_000)))
    assert (cgroup.memory.max, cgroup.memory.swap_max) == (64 << 20, 32 << 20)
    assert (cgroup.cpu.max, cgroup.cpu.max_burst) == ((50_000, 100_000), 20_000)
    update(cgroup, Resources(memory=Memory(limit=32 << 20, swap=96 << 20), cpu=Cpu(quota=10_000, burst=5_000)))
    assert (cgroup.memory.max, cgroup.memory.swap_max) == (32 << 20, 64 << 20)
    assert (cgroup.cpu.max, cgroup.cpu.max_burst) == ((10_000, 100_000), 5_000)
    update(cgroup, Resources(cpu=Cpu(idle=1), pids=Pids(limit=9)))
    assert (cgroup.cpu.idle, cgroup.pids.max, cgroup.memory.max) == (True, 9, 32 << 20)


@pytest.mark.requires("cpu", "memory")
def test_what_the_kernel_refuses_restores_all(cgroup: Cgroup) -> None:
    cgroup.memory.max = 64 << 20
    limits = Memory(limit=32 << 20, reservation=1 << 20)
    resources = Resources(memory=limits, cpu=Cpu(quota=10_000), unified={"cpu.weight": "99999"})
    with pytest.raises(CgroupValueError, match=r'linux\.resources\.unified\["cpu\.weight"\]: .*99999'):
        update(cgroup, resources)
    assert (cgroup.memory.max, cgroup.memory.low) == (64 << 20, 0)
    assert (cgroup.cpu.max.quota, cgroup.cpu.max_burst) == ("max", 0)


@pytest.mark.requires("memory")
def test_memory_in_use_is_checked_if_asked(cgroup: Cgroup) -> None:
    read, write = os.pipe()
    script = "x=$(head -c 4000000 /dev/zero | tr '\\0' x); echo; sleep 1000; echo $x"
    with cgroup.spawn(["sh", "-c", script], output=write):
        os.read(read, 1)
        with pytest.raises(ConfigError, match=r"linux\.resources\.memory\.limit: 1048576 bytes are less than the"):
            update(cgroup, Resources(memory=Memory(limit=1 << 20, check_before_update=True)))
        assert cgroup.memory.max == "max"
    os.close(read)
    os.close(write)
