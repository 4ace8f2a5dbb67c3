"""Interface files: what is read from the kernel's text, what is written, and what is refused before."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.cgroupfs import CpuMax
from firkin.cgroupfs.controllers import catalogue, find
from firkin.cgroupfs.keyed import PartitionState, Pressure, PressureTimes
from firkin.errors import CgroupFileError, CgroupValueError

PRESSURE = "some avg10=0.10 avg60=1.00 avg300=2.50 total=42\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"


def file(name: str) -> Any:
    entry = find(name)
    assert entry, name
    return entry.file


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cgroup.procs", "1\n23\n", [1, 23]),
        ("cgroup.controllers", "cpu memory\n", {"cpu", "memory"}),
        ("cgroup.events", "populated 1\nfrozen 0\n", {"populated": 1, "frozen": 0}),
        ("cgroup.max.depth", "max\n", "max"),
        ("cgroup.freeze", "1\n", True),
        ("cgroup.type", "domain threaded\n", "domain threaded"),
        ("cpu.max", "max 100000\n", CpuMax("max", 100000)),
        ("cpu.max", "50000 100000\n", CpuMax(50000, 100000)),
        ("cpu.weight", "100\n", 100),
        ("cpu.uclamp.min", "12.34\n", 12.34),
        ("cpu.uclamp.max", "max\n", "max"),
        ("cpu.stat", "usage_usec 5\nuser_usec 3\n", {"usage_usec": 5, "user_usec": 3}),
        ("memory.max", "4096\n", 4096),
        ("memory.numa_stat", "anon N0=1 N1=2\nfile N0=0\n", {"anon": {"N0": 1, "N1": 2}, "file": {"N0": 0}}),
        ("io.stat", "8:0 rbytes=1 wbytes=2\n8:16 \n", {"8:0": {"rbytes": 1, "wbytes": 2}, "8:16": {}}),
        ("io.weight", "default 100\n8:0 50\n", {"default": 100, "8:0": 50}),
        ("io.bfq.weight", "100\n", {"default": 100}),
        ("io.max", "8:0 rbps=1 wbps=max\n", {"8:0": {"rbps": 1, "wbps": "max"}}),
        ("io.cost.qos", "8:0 enable=1 rpct=95.00\n", {"8:0": {"enable": 1, "rpct": 95.0}}),
        ("cpuset.cpus", "0-1\n", {0, 1}),
        ("cpuset.cpus", "\n", set()),
        ("cpuset.cpus.partition", "root\n", PartitionState("root")),
        ("cpuset.cpus.partition", "root invalid (Cpu list is empty)\n", PartitionState("root", "Cpu list is empty")),
        ("hugetlb.2MB.max", "max\n", "max"),
        ("hugetlb.2MB.max", "9223372036854771712\n", "max"),
        ("hugetlb.1GB.max", "2147483648\n", 2 << 30),
        ("hugetlb.2MB.numa_stat", "total=0 N0=0\n", {"total": 0, "N0": 0}),
        ("rdma.max", "mlx4_0 hca_handle=2 hca_object=max\n", {"mlx4_0": {"hca_handle": 2, "hca_object": "max"}}),
        ("misc.max", "sev 3\nsev_es max\n", {"sev": 3, "sev_es": "max"}),
        ("dmem.max", "drm/0000:03:00.0/vram0 1073741824\n", {"drm/0000:03:00.0/vram0": 1 << 30}),
        ("cpu.pressure", PRESSURE, Pressure(PressureTimes(0.1, 1.0, 2.5, 42), PressureTimes(0.0, 0.0, 0.0, 7))),
        ("irq.pressure", PRESSURE.split("\n")[1], Pressure(None, PressureTimes(0.0, 0.0, 0.0, 7))),
    ],
)  # fmt: skip
def test_text_of_the_kernel_is_read(name: str, text: str, value: object) -> None:
    assert file(name).decode(text) == value


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("memory.max", "512m", ["536870912"]),
        ("memory.max", "1.5G", ["1610612736"]),
        ("memory.max", 4096, ["4096"]),
        ("memory.low", "max", ["max"]),
        ("memory.reclaim", "1m", ["1048576"]),
        ("memory.reclaim", "1m swappiness=60", ["1048576 swappiness=60"]),
        ("cpu.weight", 1, ["1"]),
        ("cpu.weight", "10000", ["10000"]),
        ("cpu.weight.nice", -20, ["-20"]),
        ("cpu.idle", True, ["1"]),
        ("cpu.max", CpuMax(50000), ["50000 100000"]),
        ("cpu.max", CpuMax("max", 20000), ["max 20000"]),
        ("cpu.max", "50ms 0.1s", ["50000 100000"]),
        ("cpu.max", "max", ["max"]),
        ("cpu.max", 20000, ["20000"]),
        ("cpu.max.burst", "5ms", ["5000"]),
        ("cpu.uclamp.min", 12.5, ["12.50"]),
        ("cpu.uclamp.max", "max", ["max"]),
        ("cgroup.kill", 1, ["1"]),
        ("cgroup.type", "threaded", ["threaded"]),
        ("cgroup.procs", 0, ["0"]),
        ("pids.max", 4194304, ["4194304"]),
        ("cpuset.cpus", {0, 1, 3}, ["0-1,3"]),
        ("cpuset.cpus", "0-3:1/2", ["0,2"]),
        ("cpuset.cpus", "", ["\n"]),
        ("cpuset.cpus.partition", "isolated", ["isolated"]),
        ("io.max", {"8:0": {"rbps": "1m", "wiops": "max"}}, ["8:0 rbps=1048576 wiops=max"]),
        ("io.max", "8:0 rbps=1m; 8:16 wbps=2k", ["8:0 rbps=1048576", "8:16 wbps=2048"]),
        ("io.weight", 200, ["default 200"]),
        ("io.weight", {"8:0": 50, "8:16": "default"}, ["8:0 50", "8:16 default"]),
        ("io.latency", {"8:0": {"target": "10ms"}}, ["8:0 target=10000"]),
        ("io.cost.qos", {"8:0": {"enable": 1, "ctrl": "user", "rpct": 95}}, ["8:0 enable=1 ctrl=user rpct=95.00"]),
        ("io.prio.class", "idle", ["idle"]),
        ("hugetlb.2MB.max", "4m", ["4194304"]),
        ("rdma.max", {"mlx4_0": {"hca_handle": 2}}, ["mlx4_0 hca_handle=2"]),
        ("misc.max", {"sev": "max"}, ["sev max"]),
        ("dmem.low", "drm/0000:03:00.0/vram0 1g", ["drm/0000:03:00.0/vram0 1073741824"]),
    ],
)
def test_values_are_written_in_the_kernels_form(name: str, value: object, written: list[str]) -> None:
    assert file(name).encode(value) == written


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory.max", -1),
        ("memory.max", "lots"),
        ("memory.max", 1 << 63),
        ("memory.reclaim", "1m swappiness=201"),
        ("memory.reclaim", "1m nonsense=1"),
        ("cpu.weight", 0),
        ("cpu.weight", 10001),
        ("cpu.weight", "heavy"),
        ("cpu.weight.nice", 20),
        ("cpu.idle", 2),
        ("cpu.max", "999us"),
        ("cpu.max", "50ms 2s"),
        ("cpu.max", "50ms 999"),
        ("cpu.max", "1 2 3"),
        ("cpu.max", ""),
        ("cpu.uclamp.min", 100.5),
        ("cgroup.kill", 9),
        ("cgroup.type", "domain"),
        ("cgroup.procs", -2),
        ("pids.max", 4194305),
        ("cpuset.cpus", "all"),
        ("cpuset.cpus.partition", "member2"),
        ("io.max", {"8:0": {"rbps": 0}}),
        ("io.max", {"sda": {"rbps": 1}}),
        ("io.max", {"8:0": {"speed": 1}}),
        ("io.max", {"8:0": {}}),
        ("io.max", {}),
        ("io.weight", 10001),
        ("io.weight", {"sda": 100}),
        ("io.bfq.weight", 1001),
        ("io.cost.qos", {"8:0": {"enable": 2}}),
        ("io.prio.class", "fast"),
        ("rdma.max", {"two words": {"hca_handle": 1}}),
        ("misc.max", ""),
    ],
)
def test_what_the_kernel_would_refuse_is_told(name: str, value: object) -> None:
    path = f"/sys/fs/cgroup/x/{name}"
    with pytest.raises(CgroupValueError) as caught:
        file(name).checked(value, path)
    assert caught.value.file == path
    assert (caught.value.verb, caught.value.errno) == ("write", 0)
    assert name in caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_file_that_is_only_read_is_not_written() -> None:
    with pytest.raises(CgroupFileError, match="can only be read"):
        file("memory.current").checked(1, "/x/memory.current")


@pytest.mark.parametrize("name", ["memory", "memory.maximum", "hugetlb.2XB.max", "hugetlb.max", "", "cgroup.procs "])
def test_unknown_names_are_not_found(name: str) -> None:
    assert find(name) is None


def test_names_are_unique_and_tell_their_controller() -> None:
    entries = list(catalogue())
    assert len({entry.file.name for entry in entries}) == len(entries) > 75
    for entry in entries:
        first = entry.file.name.partition(".")[0]
        assert first == entry.controller.name or entry.controller.name == "", entry.file.name


def test_the_subject_is_in_the_name() -> None:
    entry = find("hugetlb.1GB.rsvd.max")
    assert entry and (entry.attribute, entry.subject) == ("rsvd_max", "1GB")
