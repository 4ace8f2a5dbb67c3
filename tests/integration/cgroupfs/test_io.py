"""The io controller, on a disk that tests may overwrite."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.spawn import Spawned
from firkin.errors import CgroupError, CgroupValueError
from tests.support.cgroup_values import assert_refused, put, refusal, value
from tests.support.cgroup_worker import ratio, settled
from tests.support.requirements import scratch_disk
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "io", "disk")

MIB = 1 << 20

# A device of 16 MiB/s, 500 operations a second.
COST = {"rbps": 16 * MIB, "wbps": 16 * MIB} | dict.fromkeys(("rseqiops", "rrandiops", "wseqiops", "wrandiops"), 500)

REFUSED = [
    ("io.weight", "0"),
    ("io.weight", "10001"),
    ("io.weight", "default 0"),
    ("io.weight", "DISK 10001"),
    ("io.weight", "sda 100"),
    ("io.max", "DISK rbps=0"),
    ("io.max", "DISK rbps=fast"),
    ("io.max", "DISK speed=1"),
    ("io.max", "sda rbps=1048576"),
]


@pytest.fixture(scope="module")
def disk() -> str:
    """The path of the disk."""
    found = scratch_disk()
    assert found is not None
    return str(found)


@pytest.fixture(scope="module")
def device(disk: str) -> str:
    """The disk's MAJOR:MINOR."""
    number = os.stat(disk).st_rdev
    return f"{os.major(number)}:{os.minor(number)}"


@pytest.fixture
def pair(cgroup: Cgroup) -> Iterator[list[Cgroup]]:
    """Two children with the io controller."""
    cgroup.enable(["io"])
    with ExitStack() as stack:
        yield [stack.enter_context(cgroup.make_child(name)) for name in ("one", "other")]


def read_disk(group: Cgroup, disk: str, size: int, times: int, skip: int = 0) -> Spawned:
    """A process that reads `size` bytes so many times past the page cache."""
    place = [f"if={disk}", "of=/dev/null", f"bs={size}", f"count={times}", f"skip={skip}", "iflag=direct"]
    return group.spawn(["/bin/dd", *place, "status=none"])


def read_for_ever(group: Cgroup, disk: str, skip: int) -> Spawned:
    """A process that reads a quarter of the disk over and over."""
    place = f"if={disk} of=/dev/null bs=32k count=4000 skip={skip} iflag=direct status=none"
    return group.spawn(["/bin/sh", "-c", f"while /bin/dd {place}; do :; done"])


def stalled(group: Cgroup) -> int:
    """Microseconds in which a process of the cgroup waited for a device."""
    some = group.core.io_pressure.some
    assert some is not None
    return some.total


def write_disk(group: Cgroup, disk: str, size: int, times: int) -> Spawned:
    """A process that writes them."""
    place = ["if=/dev/zero", f"of={disk}", f"bs={size}", f"count={times}", "oflag=direct", "conv=notrunc"]
    return group.spawn(["/bin/dd", *place, "status=none"])


def count(group: Cgroup, device: str, key: str) -> int:
    """What io.stat says of the disk."""
    return int(group.io.stat.get(device, {}).get(key, 0))


def rate(counter: Callable[[], float], low: float, high: float) -> float:
    """How much the counter grows in a second; `low` and `high` are those of `settled`."""
    return settled(lambda grown: grown[0] / grown[1], low, high, counter, time.monotonic)


@pytest.mark.parametrize(
    ("file", "written", "read"),
    [
        ("io.weight", 50, {"default": 50}),
        ("io.weight", "default 10000", {"default": 10000}),
        ("io.weight", {"default": 1}, {"default": 1}),
        ("io.max", "DISK rbps=1m wiops=120", {"rbps": MIB, "wbps": "max", "riops": "max", "wiops": 120}),
        ("io.max", {"DISK": {"wbps": "1.5M"}}, {"rbps": "max", "wbps": 1536 << 10, "riops": "max", "wiops": "max"}),
    ],
)
def test_what_is_written_is_read(cgroup: Cgroup, device: str, file: str, written: object, read: object) -> None:
    if isinstance(written, dict):
        written = {key.replace("DISK", device): settings for key, settings in written.items()}
    elif isinstance(written, str):
        written = written.replace("DISK", device)
    put(cgroup, file, written)
    assert value(cgroup, file) == (read if file == "io.weight" else {device: read})


@pytest.mark.covers("io.max")
def test_limit_of_a_device_is_taken_off(cgroup: Cgroup, device: str) -> None:
    cgroup.io.max = f"{device} rbps=1m wbps=1m"
    cgroup.io.max = {device: {"rbps": "max", "wbps": "max"}}
    assert cgroup.io.max == {}


@pytest.mark.covers("io.weight", "io.cost.qos")
def test_device_has_a_weight_of_its_own_where_cost_is_counted(cgroup: Cgroup, device: str) -> None:
    with Cgroup(".") as root:
        # What is set once stays, and is shown.
        if device not in root.io.cost_qos:
            with refusal(CgroupValueError, errno.EOPNOTSUPP, "once io.cost.qos of the root is set"):
                cgroup.io.weight = {device: 300}
        root.io.cost_qos = {device: {"enable": 1}}
        try:
            cgroup.io.weight = {device: 300, "default": 50}
            assert cgroup.io.weight == {"default": 50, device: 300}
            cgroup.io.weight = f"{device} default"
            assert cgroup.io.weight == {"default": 50}
        finally:
            root.io.cost_qos = {device: {"enable": 0}}


@pytest.mark.parametrize(("file", "text"), REFUSED)
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, device: str, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text.replace("DISK", device))


@pytest.mark.parametrize("file", ["io.max", "io.weight"])
def test_device_that_is_none_is_refused_by_the_kernel(cgroup: Cgroup, file: str) -> None:
    with refusal(CgroupValueError, errno.ENODEV, "MAJOR:MINOR"):
        put(cgroup, file, {"4000:1": {"rbps": 1} if file == "io.max" else 10})


@pytest.mark.covers("io.max", "io.stat", "io.pressure")
@pytest.mark.requires("psi")
@pytest.mark.parametrize("limit", ["wbps=1m", "wiops=16", "rbps=1m", "riops=16"])
def test_operations_are_as_slow_as_their_limit(cgroup: Cgroup, disk: str, device: str, limit: str) -> None:
    # 16 times 64 KiB are 1 MiB.
    load, key = (write_disk, "wbytes") if limit.startswith("w") else (read_disk, "rbytes")
    moved = partial(count, cgroup, device, key)
    with load(cgroup, disk, 64 << 10, 8000):
        assert rate(moved, 2 * MIB, math.inf) > 2 * MIB
    cgroup.io.max = f"{device} {limit}"
    with load(cgroup, disk, 64 << 10, 8000):
        # A guest that waits for its host gets less, but nobody gets more.
        assert 0 < rate(moved, 0, 1.4 * MIB) < 1.4 * MIB
        eventually(lambda: stalled(cgroup), lambda total: total > 200_000)


@pytest.mark.covers("io.weight", "io.cost.qos", "io.cost.model", "io.stat")
def test_siblings_share_a_device_by_weight(pair: list[Cgroup], disk: str, device: str) -> None:
    pair[0].io.weight = 100
    pair[1].io.weight = 300
    with Cgroup(".") as root:
        try:
            # The cost is known, and no latency takes anything away from it.
            root.io.cost_model = {device: {"ctrl": "user", "model": "linear", **COST}}
            root.io.cost_qos = f"{device} enable=1 ctrl=user rpct=0 rlat=0 wpct=0 wlat=0 min=100 max=100"
            assert root.io.cost_qos[device] == {
                "enable": 1, "ctrl": "user", "rpct": 0, "rlat": 0, "wpct": 0, "wlat": 0, "min": 100, "max": 100,
            }  # fmt: skip
            assert root.io.cost_model == {device: {"ctrl": "user", "model": "linear", **COST}}
            with read_for_ever(pair[0], disk, 0), read_for_ever(pair[1], disk, 8000):
                found = ratio(2.2, 4, *(partial(count, group, device, "rbytes") for group in pair))
        finally:
            root.io.cost_qos = f"{device} enable=0"
    assert 2.2 < found < 4


@pytest.mark.covers("io.cost.qos", "io.cost.model")
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("io.cost.qos", "DISK rpct=101"),
        ("io.cost.qos", "DISK wpct=-1"),
        ("io.cost.qos", "DISK ctrl=mine"),
        ("io.cost.qos", "DISK rlat=soon"),
        ("io.cost.model", "DISK model=square"),
        ("io.cost.model", "DISK rbps=many"),
        ("io.cost.model", "DISK colour=1"),
    ],
)
def test_bad_cost_is_refused_before_the_kernel(device: str, file: str, text: str) -> None:
    with Cgroup(".") as root:
        assert_refused(root, file, text.replace("DISK", device))


@pytest.mark.covers("io.cost.qos")
def test_only_the_root_has_costs(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupError, match="only the root of the hierarchy has this file"):
        value(cgroup, "io.cost.qos")


@pytest.mark.covers("io.bfq.weight")
def test_bfq_has_weights_of_its_own(cgroup: Cgroup, disk: str, device: str) -> None:
    scheduler = f"/sys/block/{os.path.basename(disk)}/queue/scheduler"
    try:
        with open(scheduler, "w") as file:
            file.write("bfq")
    except OSError:
        pytest.skip("the kernel has no BFQ scheduler")
    try:
        assert cgroup.io.bfq_weight == {"default": 100}
        cgroup.io.bfq_weight = {"default": 200, device: 500}
        assert cgroup.io.bfq_weight == {"default": 200, device: 500}
        assert_refused(cgroup, "io.bfq.weight", "1001")
        with read_disk(cgroup, disk, 64 << 10, 4) as process:
            assert process.wait() == 0
    finally:
        with open(scheduler, "w") as file:
            file.write("none")
