"""The values of files that no kernel of the tests shows, from texts as the kernel's documentation gives them."""

from __future__ import annotations

import pytest

from firkin.cgroupfs.controllers import find
from firkin.cgroupfs.interface import File
from firkin.cgroupfs.keyed import Pressure, PressureTimes
from firkin.errors import CgroupFileError, CgroupValueError
from tests.support.cgroup_files import UNSEEN

READ = [
    ("cpu.uclamp.min", "20.00\n", 20.0),
    ("cpu.uclamp.max", "max\n", "max"),
    ("memory.swap.peak", "1048576\n", 1 << 20),
    ("memory.zswap.current", "0\n", 0),
    ("memory.zswap.max", "max\n", "max"),
    ("memory.zswap.writeback", "1\n", True),
    ("io.latency", "8:16 target=75\n", {"8:16": {"target": 75}}),
    ("io.prio.class", "none-to-rt\n", "none-to-rt"),
    (
        "irq.pressure",
        "full avg10=0.12 avg60=3.00 avg300=0.00 total=4711\n",
        Pressure(None, PressureTimes(0.12, 3.0, 0.0, 4711)),
    ),
    ("cpuset.cpus.exclusive", "2-3,8\n", {2, 3, 8}),
    ("cpuset.cpus.exclusive.effective", "\n", set()),
    ("cpuset.cpus.isolated", "1\n", {1}),
    ("pids.events.local", "max 3\n", {"max": 3}),
    ("misc.peak", "sev 2\nsev_es 0\n", {"sev": 2, "sev_es": 0}),
    ("misc.events.local", "sev.max 1\n", {"sev.max": 1}),
    ("dmem.capacity", "drm/0000:03:00.0/vram0 8514437120\n", {"drm/0000:03:00.0/vram0": 8514437120}),
    ("dmem.current", "drm/0000:03:00.0/vram0 12550144\n", {"drm/0000:03:00.0/vram0": 12550144}),
    ("dmem.min", "drm/0000:03:00.0/vram0 0\n", {"drm/0000:03:00.0/vram0": 0}),
    ("dmem.low", "region 4096\ndrm/0000:03:00.0/vram0 max\n", {"region": 4096, "drm/0000:03:00.0/vram0": "max"}),
    ("dmem.max", "drm/0000:03:00.0/vram0 max\n", {"drm/0000:03:00.0/vram0": "max"}),
]

WRITTEN: list[tuple[str, object, list[str]]] = [
    ("cpu.uclamp.min", "12.34%", ["12.34"]),
    ("cpu.uclamp.min", 20, ["20.00"]),
    ("cpu.uclamp.max", "max", ["max"]),
    ("memory.zswap.max", "64m", ["67108864"]),
    ("memory.zswap.writeback", False, ["0"]),
    ("io.latency", {"8:16": {"target": "10ms"}}, ["8:16 target=10000"]),
    ("io.latency", "8:0 target=50; 8:16 target=1ms", ["8:0 target=50", "8:16 target=1000"]),
    ("io.prio.class", "promote-to-rt", ["promote-to-rt"]),
    ("cpuset.cpus.exclusive", [3, 2, 8], ["2-3,8"]),
    ("dmem.low", {"drm/0000:03:00.0/vram0": "1g"}, ["drm/0000:03:00.0/vram0 1073741824"]),
    ("dmem.max", "drm/0000:03:00.0/vram0 max", ["drm/0000:03:00.0/vram0 max"]),
]

REFUSED = [
    ("cpu.uclamp.min", "100.01"),
    ("cpu.uclamp.min", "1.234"),
    ("cpu.uclamp.max", "-1"),
    ("memory.zswap.max", "-1"),
    ("memory.zswap.writeback", "2"),
    ("io.latency", "8:16 target=soon"),
    ("io.latency", "8:16 goal=10"),
    ("io.prio.class", "rt"),
    ("cpuset.cpus.exclusive", "3-2"),
    ("dmem.max", "vram0"),
    ("dmem.min", "vram0 -1"),
]

READ_ONLY = ["memory.swap.peak", "memory.zswap.current", "irq.pressure", "cpuset.cpus.isolated", "dmem.capacity"]


def _file(name: str) -> File[object, object]:
    entry = find(name)
    assert entry is not None
    return entry.file


def test_no_unseen_file_is_left_out() -> None:
    assert {file for file, _, _ in READ} == UNSEEN.keys()


@pytest.mark.parametrize(("file", "text", "value"), READ)
def test_text_is_read(file: str, text: str, value: object) -> None:
    assert _file(file).decode(text) == value


@pytest.mark.parametrize(("file", "value", "writes"), WRITTEN)
def test_value_is_written(file: str, value: object, writes: list[str]) -> None:
    assert _file(file).checked(value, f"/sys/fs/cgroup/x/{file}") == writes


@pytest.mark.parametrize(("file", "value"), REFUSED)
def test_bad_value_is_refused(file: str, value: str) -> None:
    with pytest.raises(CgroupValueError) as refused:
        _file(file).checked(value, f"/sys/fs/cgroup/x/{file}")
    assert f"write {value!r} to /sys/fs/cgroup/x/{file}: " in str(refused.value)


@pytest.mark.parametrize("file", READ_ONLY)
def test_what_is_only_read_is_not_written(file: str) -> None:
    with pytest.raises(CgroupFileError, match="it can only be read"):
        _file(file).checked("1", f"/sys/fs/cgroup/x/{file}")
