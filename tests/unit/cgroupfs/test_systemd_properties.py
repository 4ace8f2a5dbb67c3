"""Limits become properties of units: names, types and units of systemd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.resources import Write, writes
from firkin.cgroupfs.systemd.annotations import annotated_properties
from firkin.cgroupfs.systemd.lists import bitmask
from firkin.cgroupfs.systemd.properties import INFINITY, cpu_quota, limit_properties
from firkin.errors import CgroupValueError, ConfigError, UnsupportedError
from firkin.oci.runtime_spec import BlockIo, Cpu, Memory, Pids, Resources, ThrottleDevice

ALL = frozenset({"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"})
MIB = 1 << 20


def mapped(*pairs: tuple[str, object], version: int = 252) -> dict[str, tuple[str, object]]:
    return dict(limit_properties([Write(file, value, f"unified[{file}]") for file, value in pairs], version))


def test_resources_of_a_container() -> None:
    resources = Resources(
        memory=Memory(limit=64 * MIB, swap=96 * MIB, reservation=MIB),
        cpu=Cpu(shares=1024, quota=150_000, period=50_000, cpus="0-2,8", mems="0"),
        pids=Pids(limit=0),
    )
    assert dict(limit_properties(writes(resources, ALL), 252)) == {
        "AllowedCPUs": ("ay", b"\x07\x01"),
        "AllowedMemoryNodes": ("ay", b"\x01"),
        "MemoryMax": ("t", 64 * MIB),
        "MemorySwapMax": ("t", 32 * MIB),
        "MemoryLow": ("t", MIB),
        "CPUWeight": ("t", 100),
        "CPUQuotaPerSecUSec": ("t", 3_000_000),
        "CPUQuotaPeriodUSec": ("t", 50_000),
        "TasksMax": ("t", 1),
    }


def test_no_limit_is_infinity() -> None:
    assert mapped(("memory.max", "max"), ("pids.max", "max"), ("cpu.max", "max 20000")) == {
        "MemoryMax": ("t", INFINITY),
        "TasksMax": ("t", INFINITY),
        "CPUQuotaPerSecUSec": ("t", INFINITY),
        "CPUQuotaPeriodUSec": ("t", 20_000),
    }


def test_what_only_unified_can_ask_for() -> None:
    assert mapped(("memory.high", "1G"), ("memory.min", "4k"), ("memory.zswap.max", 0), ("cpu.max", "5000"),
                  version=253) == {
        "MemoryHigh": ("t", 1 << 30),
        "MemoryMin": ("t", 4096),
        "MemoryZSwapMax": ("t", 0),
        "CPUQuotaPerSecUSec": ("t", 50_000),
        "CPUQuotaPeriodUSec": ("t", 100_000),
    }  # fmt: skip


def test_the_last_write_to_a_file_counts() -> None:
    assert mapped(("pids.max", 5), ("pids.max", 7)) == {"TasksMax": ("t", 7)}


def test_a_quota_beyond_64_bits_is_none() -> None:
    assert mapped(("cpu.max", "9999999999999999999 1"))["CPUQuotaPerSecUSec"] == ("t", INFINITY)


def test_an_idle_cgroup_has_the_weight_idle() -> None:
    assert mapped(("cpu.idle", 1)) == {"CPUWeight": ("t", 0)}
    assert mapped(("cpu.idle", 0), ("cpu.weight", 30)) == {"CPUWeight": ("t", 30)}


def test_what_came_later_is_not_told_to_an_older_systemd() -> None:
    later = (("cpu.idle", 1), ("cpuset.cpus", "0"), ("cpuset.mems", "0"), ("memory.zswap.max", 5))
    assert mapped(*later, version=243) == {}
    assert set(mapped(*later, version=244)) == {"AllowedCPUs", "AllowedMemoryNodes"}
    assert set(mapped(*later, version=252)) == {"AllowedCPUs", "AllowedMemoryNodes", "CPUWeight"}
    assert set(mapped(*later, version=253)) == {"AllowedCPUs", "AllowedMemoryNodes", "CPUWeight", "MemoryZSwapMax"}


def device(minor: int, rate: int) -> ThrottleDevice:
    return ThrottleDevice(major=8, minor=minor, rate=rate)


def test_limits_of_devices_are_lists() -> None:
    resources = Resources(
        block_io=BlockIo(
            weight=500,
            throttle_read_bps_device=(device(0, 1000), device(16, 2000)),
            throttle_write_iops_device=(device(0, 0),),
        )
    )
    assert dict(limit_properties(writes(resources, ALL), 252)) == {
        "IOWeight": ("t", 4950),
        "IOReadBandwidthMax": ("a(st)", [("/dev/block/8:0", 1000), ("/dev/block/8:16", 2000)]),
        "IOWriteIOPSMax": ("a(st)", [("/dev/block/8:0", INFINITY)]),
    }
    assert mapped(("io.max", "8:0 wbps=7 riops=max"), ("io.weight", "8:0 50"), ("io.weight", "default 60")) == {
        "IOWriteBandwidthMax": ("a(st)", [("/dev/block/8:0", 7)]),
        "IOReadIOPSMax": ("a(st)", [("/dev/block/8:0", INFINITY)]),
        "IODeviceWeight": ("a(st)", [("/dev/block/8:0", 50)]),
        "IOWeight": ("t", 60),
    }


@pytest.mark.parametrize(
    ("file", "value"),
    [("memory.max", "many"), ("cpu.max", "a b"), ("cpu.max", ""), ("io.max", ""), ("io.max", "../sda rbps=1"),
     ("cpu.max", "5 0"), ("io.weight", ""), ("hugetlb.2MB.max", 5), ("cgroup.freeze", 1), ("x", "y"), ("pids.max", "٣"),
     ("cpu.max.burst", 5), ("cpu.weight", "9" * 5000), ("io.weight", "9" * 30), ("cpu.max", "1 " + "9" * 30),
     ("rdma.max", "mlx hca_handle=1")],
)  # fmt: skip
def test_what_systemd_leaves_alone_and_what_the_kernel_will_refuse_is_no_property(file: str, value: object) -> None:
    assert mapped((file, value)) == {}


@pytest.mark.parametrize(
    ("file", "value"),
    [("memory.max", 0), ("memory.high", 0), ("pids.max", 0), ("memory.max", "99999999999999999999"),
     ("cpu.weight.nice", -5), ("cpuset.cpus", "0-7:1/2"), ("cpuset.cpus", "0-99999999999"),
     ("memory.max", "9" * 5000), ("cpuset.cpus", "9" * 5000)],
)  # fmt: skip
def test_what_systemd_would_take_back_is_refused_with_its_place(file: str, value: object) -> None:
    with pytest.raises(UnsupportedError) as caught:
        mapped((file, value))
    assert caught.value.path == f"unified[{file}]"


@given(st.integers(1000, 10**9), st.integers(1000, 1_000_000))
def test_a_quota_becomes_the_next_whole_percentage(quota: int, period: int) -> None:
    share = cpu_quota(quota, period)
    assert share % 10_000 == 0
    # What systemd makes of it again is at least the quota, and less than a percent of a processor above.
    assert 0 <= share * period - quota * 1_000_000 < 10_000 * period


@given(st.sets(st.integers(0, 2000)))
def test_a_list_is_one_bit_for_each_member(members: set[int]) -> None:
    mask = bitmask(",".join(map(str, members)))
    assert {n for n in range(8 * len(mask)) if mask[n // 8] >> n % 8 & 1} == members
    assert not mask or mask[-1]


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_range_is_all_from_its_first_to_its_last(first: int, last: int) -> None:
    if first <= last:
        assert bitmask(f"{first}-{last}") == bitmask(",".join(map(str, range(first, last + 1))))
    else:
        with pytest.raises(CgroupValueError):
            bitmask(f"{first}-{last}")


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1,,2", "1-2-3", "0x1", "1 2", "²", ",", "99999"])
def test_other_lists_are_refused(text: str) -> None:
    with pytest.raises(CgroupValueError):
        bitmask(text)


def annotated(**annotations: str) -> list[tuple[str, tuple[str, object]]]:
    return annotated_properties({f"org.systemd.property.{name}": text for name, text in annotations.items()})


def test_annotations_set_properties_that_concern_their_own_unit() -> None:
    assert annotated(TimeoutStopUSec="uint64 5000000", CollectMode="'inactive'", KillSignal="int32 15") == [
        ("TimeoutStopUSec", ("t", 5_000_000)),
        ("CollectMode", ("s", "inactive")),
        ("KillSignal", ("i", 15)),
    ]
    assert annotated_properties({"org.systemd.propertyX": "1", "io.kubernetes.x": "'y'"}) == []


def test_a_number_has_the_type_of_its_property_and_seconds_are_converted() -> None:
    assert annotated(TimeoutStopUSec="5") == [("TimeoutStopUSec", ("t", 5))]
    assert annotated(TimeoutStopSec="5") == [("TimeoutStopUSec", ("t", 5_000_000))]
    assert annotated(RuntimeMaxSec="1.5") == [("RuntimeMaxUSec", ("t", 1_500_000))]


@pytest.mark.parametrize(
    "name",
    ["ExecStop", "ExecStopPost", "Slice", "PIDs", "Delegate", "MemoryMax", "TasksMax", "DeviceAllow", "User",
     "OnFailure", "Wants", "Requires", "Before", "After", "Conflicts", "DefaultDependencies", "BindsTo", "",
     "collectMode", "USec", "Controller", "PAMName", "AllowedCPUs", "IPAddressDeny", "BPFProgram"],
)  # fmt: skip
def test_other_properties_are_refused_with_their_place(name: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        annotated(**{name: "'x'"})
    assert caught.value.path.startswith("annotations") and f"org.systemd.property.{name}" in caught.value.path


@pytest.mark.parametrize(
    ("name", "text"),
    [("CollectMode", "5"), ("CollectMode", "x"), ("TimeoutStopUSec", "-1"), ("TimeoutStopUSec", "'5'"),
     ("TimeoutStopUSec", "1.5"), ("TimeoutStopSec", "'a'"), ("TimeoutStopSec", "-1"), ("SendSIGKILL", "1"),
     ("KillSignal", "true"), ("KillSignal", "uint64 4294967296"), ("RuntimeMaxSec", "1e300"), ("Documentation", "'a'"),
     ("RuntimeMaxSec", "true")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_with_its_place(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        annotated(**{name: text})
    assert f"org.systemd.property.{name}" in caught.value.path
