"""Limits of block devices, huge pages and RDMA devices become writes to cgroup v2 files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.device_limits import io_weight
from firkin.cgroupfs.resources import writes
from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.runtime_spec import BlockIo, HugepageLimit, Rdma, Resources, ThrottleDevice, WeightDevice

ALL = frozenset({"io", "hugetlb", "rdma"})
BFQ = frozenset({"io.bfq.weight"})


def made(resources: Resources, files: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in writes(resources, ALL, files=files)]


@pytest.mark.parametrize(("weight", "expected"), [(10, 1), (100, 910), (300, 2930), (500, 4950), (1000, 10000)])
def test_block_weight(weight: int, expected: int) -> None:
    assert io_weight(weight) == expected
    resources = Resources(block_io=BlockIo(weight=weight))
    assert made(resources) == [("io.weight", str(expected))]
    assert made(resources, BFQ) == [("io.bfq.weight", str(weight))]


@given(st.integers(10, 1000), st.integers(10, 1000))
def test_block_weights_are_spread_over_the_range_of_the_kernel_in_their_order(some: int, more: int) -> None:
    some, more = sorted((some, more))
    assert 1 == io_weight(10) <= io_weight(some) <= io_weight(more) <= io_weight(1000) == 10000
    assert (io_weight(more) == io_weight(some)) == (more == some)
    assert abs((io_weight(some) - 1) / 9999 - (some - 10) / 990) < 1 / 9999


def test_zero_block_weight_is_unset() -> None:
    assert made(Resources(block_io=BlockIo(weight=0, leaf_weight=0))) == []


@pytest.mark.parametrize("weight", [1, 9, 1001])
def test_a_block_weight_out_of_range_is_refused(weight: int) -> None:
    with pytest.raises(ConfigError) as caught:
        made(Resources(block_io=BlockIo(weight=weight)))
    assert (caught.value.path, caught.value.reason) == (
        "linux.resources.blockIO.weight",
        f"must be from 10 to 1000, got {weight}",
    )


def test_block_weight_of_a_device() -> None:
    resources = Resources(block_io=BlockIo(weight=100, weight_device=(WeightDevice(major=8, minor=16, weight=500),)))
    assert made(resources) == [("io.weight", "910"), ("io.weight", "8:16 4950")]
    assert made(resources, BFQ) == [("io.bfq.weight", "100"), ("io.bfq.weight", "8:16 500")]


def test_a_device_without_weight_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        made(Resources(block_io=BlockIo(weight_device=(WeightDevice(major=8, minor=0),))))
    assert caught.value.path == "linux.resources.blockIO.weightDevice[0].weight"


@pytest.mark.parametrize(
    ("block_io", "path"),
    [
        (BlockIo(leaf_weight=10), "leafWeight"),
        (
            BlockIo(weight_device=(WeightDevice(major=8, minor=0, weight=10, leaf_weight=10),)),
            "weightDevice[0].leafWeight",
        ),
    ],
)
def test_leaf_weights_are_refused(block_io: BlockIo, path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        made(Resources(block_io=block_io))
    assert caught.value.path == f"linux.resources.blockIO.{path}"


def limits(*rates: int) -> tuple[ThrottleDevice, ...]:
    return tuple(ThrottleDevice(major=8, minor=index, rate=rate) for index, rate in enumerate(rates))


def test_block_limits_are_one_key_per_write_and_zero_takes_one_away() -> None:
    block_io = BlockIo(
        throttle_write_iops_device=limits(4),
        throttle_read_iops_device=limits(3),
        throttle_write_bps_device=limits(2),
        throttle_read_bps_device=limits(1, 0),
    )
    assert made(Resources(block_io=block_io)) == [
        ("io.max", "8:0 rbps=1"),
        ("io.max", "8:1 rbps=max"),
        ("io.max", "8:0 wbps=2"),
        ("io.max", "8:0 riops=3"),
        ("io.max", "8:0 wiops=4"),
    ]


def test_a_block_limit_needs_its_controller_and_none_does_not() -> None:
    with pytest.raises(UnsupportedError) as caught:
        writes(Resources(block_io=BlockIo(throttle_read_iops_device=limits(0, 5))), frozenset())
    assert caught.value.path == "linux.resources.blockIO.throttleReadIOPSDevice[1]"
    assert writes(Resources(block_io=BlockIo(throttle_read_iops_device=limits(0))), frozenset()) == ()


def test_huge_pages_are_limited_by_use_and_by_reservation() -> None:
    pages = (HugepageLimit(page_size="2MB", limit=209715200), HugepageLimit(page_size="64KB", limit=0))
    assert made(Resources(hugepage_limits=pages)) == [
        ("hugetlb.2MB.max", "209715200"),
        ("hugetlb.2MB.rsvd.max", "209715200"),
        ("hugetlb.64KB.max", "0"),
        ("hugetlb.64KB.rsvd.max", "0"),
    ]
    with pytest.raises(UnsupportedError) as caught:
        writes(Resources(hugepage_limits=pages), frozenset())
    assert caught.value.path == "linux.resources.hugepageLimits[0]"


def test_rdma_devices_have_a_line_each() -> None:
    resources = Resources(rdma={"mlx5_1": Rdma(hca_handles=3, hca_objects=10000), "rxe3": Rdma(hca_objects=0)})
    assert made(resources) == [("rdma.max", "mlx5_1 hca_handle=3 hca_object=10000"), ("rdma.max", "rxe3 hca_object=0")]
    with pytest.raises(UnsupportedError) as caught:
        writes(resources, frozenset())
    assert caught.value.path == 'linux.resources.rdma["mlx5_1"]'
