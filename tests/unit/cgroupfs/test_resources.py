"""Resources become writes to cgroup v2 files."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.resources import Write, cpu_weight, writes
from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.runtime_spec import Cpu, InterfacePriority, Memory, Network, Pids, Resources

ALL = frozenset({"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"})
NONE: frozenset[str] = frozenset()
GIB = 1 << 30


def made(resources: Resources, available: frozenset[str] = ALL) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in writes(resources, available)]


def memory(**fields: int | bool | None) -> list[tuple[str, str]]:
    return made(Resources(memory=Memory(**fields)))  # type: ignore[arg-type]


def cpu(**fields: int) -> list[tuple[str, str]]:
    return made(Resources(cpu=Cpu(**fields)))  # type: ignore[arg-type]


def refused(resources: Resources, available: frozenset[str] = ALL) -> tuple[str, str]:
    with pytest.raises(UnsupportedError) as caught:
        writes(resources, available)
    return caught.value.path, caught.value.reason


def test_no_resources_are_no_writes() -> None:
    assert made(Resources()) == made(Resources(memory=Memory(), cpu=Cpu(), pids=Pids())) == []


def test_a_write_says_what_asked_for_it() -> None:
    (write,) = writes(Resources(memory=Memory(limit=GIB)), ALL)
    assert (write.file, write.value, write.path, write.controller, write.optional) == (
        "memory.max",
        str(GIB),
        "linux.resources.memory.limit",
        "memory",
        False,
    )
    assert repr(write) == f"Write('memory.max', '{GIB}', 'linux.resources.memory.limit')"


def test_resources_may_be_a_document_of_their_own() -> None:
    (write,) = writes(Resources(pids=Pids(limit=5)), ALL, place="")
    assert write.path == "pids.limit"
    with pytest.raises(UnsupportedError) as caught:
        writes(Resources(memory=Memory(swappiness=10)), ALL, place="")
    assert caught.value.path == "memory.swappiness"


def test_the_order_is_cpuset_memory_cpu_pids_and_unified_last() -> None:
    resources = Resources(
        unified={"memory.high": "1"},
        pids=Pids(limit=7),
        cpu=Cpu(shares=1024, cpus="0", mems="0"),
        memory=Memory(limit=GIB),
    )
    files = [file for file, _ in made(resources)]
    assert files == ["cpuset.cpus", "cpuset.mems", "memory.max", "cpu.weight", "pids.max", "memory.high"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, []), (0, []), (1, ["1"]), (GIB, [str(GIB)]), (-1, ["max"]), (2**63 - 1, [str(2**63 - 1)])],
)
def test_memory_limit(limit: int | None, expected: list[str]) -> None:
    assert [value for file, value in memory(limit=limit) if file == "memory.max"] == expected


@pytest.mark.parametrize(("reservation", "expected"), [(0, "0"), (GIB, str(GIB)), (-1, "max")])
def test_memory_reservation(reservation: int, expected: str) -> None:
    assert memory(reservation=reservation) == [("memory.low", expected)]


@pytest.mark.parametrize(
    ("limit", "swap", "expected"),
    [
        (GIB, None, None),
        (GIB, 0, None),
        (GIB, -1, "max"),
        (GIB, GIB, "0"),
        (GIB, GIB + 1, "1"),
        (GIB, 3 * GIB, str(2 * GIB)),
        (-1, None, "max"),
        (-1, 0, "max"),
        (-1, -1, "max"),
        (-1, GIB, str(GIB)),
        (None, -1, "max"),
        (0, -1, "max"),
        (None, 0, None),
    ],
)
def test_memory_swap(limit: int | None, swap: int | None, expected: str | None) -> None:
    found = dict(memory(limit=limit, swap=swap))
    assert found.get("memory.swap.max") == expected


@given(st.integers(1, 1 << 62), st.integers(0, 1 << 62))
def test_memory_and_swap_are_together_what_was_asked_for(limit: int, swap: int) -> None:
    found = dict(memory(limit=limit, swap=limit + swap))
    assert int(found["memory.max"]) + int(found["memory.swap.max"]) == limit + swap


def test_swap_is_limited_before_memory() -> None:
    assert [file for file, _ in memory(limit=GIB, swap=GIB)] == ["memory.swap.max", "memory.max"]


@pytest.mark.parametrize("limit", [None, 0])
def test_swap_without_limit_is_refused(limit: int | None) -> None:
    path, reason = refused(Resources(memory=Memory(limit=limit, swap=GIB)))
    assert (path, reason) == (
        "linux.resources.memory.swap",
        "is memory and swap together, and can not be told without limit",
    )


def test_swap_below_the_limit_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"memory\.swap: 99 is memory and swap together, and less than the limit, 100"
    ):
        memory(limit=100, swap=99)


@pytest.mark.parametrize(("swap", "optional"), [(GIB, True), (-1, True), (GIB + 1, False)])
def test_a_kernel_without_swap_meets_no_swap_and_no_limit(swap: int, optional: bool) -> None:
    write = writes(Resources(memory=Memory(limit=GIB, swap=swap)), ALL)[0]
    assert (write.file, write.optional) == ("memory.swap.max", optional)


def test_an_unlimited_swap_that_the_limit_implies_names_the_limit() -> None:
    write = writes(Resources(memory=Memory(limit=-1)), ALL)[0]
    assert (write.file, write.path) == ("memory.swap.max", "linux.resources.memory.limit")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"kernel": GIB}, "kernel"),
        ({"kernel_tcp": GIB}, "kernelTCP"),
        ({"swappiness": 0}, "swappiness"),
        ({"swappiness": 60}, "swappiness"),
        ({"disable_oom_killer": True}, "disableOOMKiller"),
        ({"use_hierarchy": False}, "useHierarchy"),
    ],
)
def test_memory_settings_that_cgroup_v2_lacks_are_refused(fields: dict[str, int], name: str) -> None:
    path, reason = refused(Resources(memory=Memory(**fields)))  # type: ignore[arg-type]
    assert (path, reason) == (f"linux.resources.memory.{name}", "cgroup v2 has no such setting")


@pytest.mark.parametrize(
    "fields",
    [{"kernel": -1}, {"kernel": 0}, {"kernel_tcp": -1}, {"disable_oom_killer": False}, {"use_hierarchy": True}],
)
def test_memory_settings_that_are_the_case_anyway_need_no_write(fields: dict[str, int]) -> None:
    assert memory(**fields) == []


@pytest.mark.parametrize(
    ("shares", "weight"),
    [
        (1, 1),
        (2, 1),
        (3, 2),
        (10, 4),
        (102, 17),
        (128, 21),
        (256, 35),
        (512, 59),
        (1024, 100),
        (2000, 170),
        (2048, 174),
        (4096, 303),
        (8192, 532),
        (65536, 3023),
        (102400, 4429),
        (262143, 10000),
        (262144, 10000),
        (2**64 - 1, 10000),
    ],
)
def test_cpu_shares(shares: int, weight: int) -> None:
    assert cpu_weight(shares) == weight
    assert cpu(shares=shares) == [("cpu.weight", str(weight))]


def test_a_burst_is_not_above_its_quota() -> None:
    with pytest.raises(ConfigError, match=r"linux\.resources\.cpu\.burst: 20000 is more than the quota, 10000"):
        writes(Resources(cpu=Cpu(quota=10_000, burst=20_000)), frozenset({"cpu"}))
    assert len(writes(Resources(cpu=Cpu(quota=-1, burst=20_000)), frozenset({"cpu"}))) == 3


@given(st.integers(2, 262144), st.integers(2, 262144))
def test_more_shares_are_never_less_weight(some: int, more: int) -> None:
    some, more = sorted((some, more))
    assert 1 <= cpu_weight(some) <= cpu_weight(more) <= 10000


@given(st.integers(3, 262143))
def test_the_weight_is_that_of_the_formula_in_exact_arithmetic(shares: int) -> None:
    with localcontext(Context(prec=40)):
        logarithm = Decimal(shares).ln() / Decimal(2).ln()
        exact = 10 ** ((logarithm * logarithm + 125 * logarithm) / 612 - Decimal(7) / 34)
        # Only the default weight is met exactly, but for the last digits.
        expected = math.ceil(exact - Decimal("1e-30"))
    assert cpu_weight(shares) == expected


def test_zero_shares_are_unset() -> None:
    assert cpu(shares=0) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"quota": 50000}, "50000 100000"),
        ({"quota": 50000, "period": 0}, "50000 100000"),
        ({"quota": 50000, "period": 20000}, "50000 20000"),
        ({"quota": 1000, "period": 1000000}, "1000 1000000"),
        ({"quota": -1}, "max 100000"),
        ({"quota": -5, "period": 20000}, "max 20000"),
        ({"quota": 0, "period": 20000}, "max 20000"),
        ({"period": 20000}, "max 20000"),
    ],
)
def test_cpu_quota_and_period(fields: dict[str, int], expected: str) -> None:
    assert cpu(**fields) == [("cpu.max", expected)]


@pytest.mark.parametrize("fields", [{"quota": 0}, {"period": 0}, {"quota": 0, "period": 0}])
def test_zero_quota_and_period_are_unset(fields: dict[str, int]) -> None:
    assert cpu(**fields) == []


def test_a_burst_fits_the_quota_of_each_moment() -> None:
    assert cpu(quota=50000, burst=20000) == [
        ("cpu.max.burst", "0"),
        ("cpu.max", "50000 100000"),
        ("cpu.max.burst", "20000"),
    ]


@pytest.mark.parametrize("burst", [0, 20000])
def test_a_burst_alone(burst: int) -> None:
    assert cpu(burst=burst) == [("cpu.max.burst", str(burst))]


def test_an_idle_cgroup_has_no_other_weight() -> None:
    assert cpu(idle=1, shares=1024) == [("cpu.idle", "1")]


def test_a_cgroup_stops_being_idle_before_it_gets_a_weight() -> None:
    assert cpu(idle=0, shares=1024) == [("cpu.idle", "0"), ("cpu.weight", "100")]


def test_a_kernel_without_idle_groups_has_none() -> None:
    optional = [writes(Resources(cpu=Cpu(idle=idle)), ALL)[0].optional for idle in (0, 1)]
    assert optional == [True, False]


@pytest.mark.parametrize("name", ["realtime_runtime", "realtime_period"])
def test_realtime_is_refused(name: str) -> None:
    path, reason = refused(Resources(cpu=Cpu(**{name: 1000})))  # type: ignore[arg-type]
    assert path.removeprefix("linux.resources.cpu.realtime") in ("Runtime", "Period")
    assert reason == "cgroup v2 has no realtime limits"
    assert cpu(**{name: 0}) == []


@pytest.mark.parametrize(
    ("limit", "expected"), [(-1, "max"), (-7, "max"), (0, "1"), (1, "1"), (2**63 - 1, str(2**63 - 1))]
)
def test_pids_limit(limit: int, expected: str) -> None:
    assert made(Resources(pids=Pids(limit=limit))) == [("pids.max", expected)]


def test_network_classes_are_refused() -> None:
    path, reason = refused(Resources(network=Network(class_id=5)))
    assert (path, reason) == ("linux.resources.network.classID", "cgroup v2 has no such setting")
    path, _ = refused(Resources(network=Network(priorities=(InterfacePriority(name="eth0", priority=1),))))
    assert path == "linux.resources.network.priorities"
    assert made(Resources(network=Network())) == made(Resources(network=Network(class_id=0))) == []


def test_unified_is_written_as_it_stands_one_line_at_a_time() -> None:
    value = "259:0 rbps=1 wiops=2\n\n253:0 rbps=3\n"
    resources = Resources(unified={"io.max": value, "memory.oom.group": "1", "misc.max": "sev 1"})
    assert made(resources) == [
        ("io.max", "259:0 rbps=1 wiops=2"),
        ("io.max", "253:0 rbps=3"),
        ("memory.oom.group", "1"),
        ("misc.max", "sev 1"),
    ]
    assert [write.path for write in writes(resources, ALL)][:2] == ['linux.resources.unified["io.max"]'] * 2


def test_only_newlines_end_a_line_of_unified() -> None:
    assert made(Resources(unified={"misc.max": "a\x0bb\u2028c\rd"})) == [("misc.max", "a\x0bb\u2028c\rd")]


def test_an_empty_value_of_unified_is_a_write_that_the_kernel_notices() -> None:
    assert made(Resources(unified={"cpuset.cpus": ""})) == [("cpuset.cpus", "\n")]


@pytest.mark.parametrize("file", ["cgroup.max.depth", "cgroup.subtree_control", "cpu.pressure", "irq.pressure"])
def test_files_of_the_core_need_no_controller(file: str) -> None:
    (write,) = writes(Resources(unified={file: "1"}), NONE)
    assert (write.file, write.controller) == (file, "")


@pytest.mark.parametrize("file", ["../memory.max", "a/b", "", ".hidden"])
def test_unified_takes_only_names_of_files(file: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a file in a cgroup"):
        made(Resources(unified={file: "1"}))


@pytest.mark.parametrize("file", ["memory.max", "newcontroller.max", "nodot"])
def test_unified_for_a_missing_controller_is_refused(file: str) -> None:
    path, reason = refused(Resources(unified={file: "max"}), NONE)
    assert path == f'linux.resources.unified["{file}"]'
    assert reason == f"the {file.partition('.')[0]} controller is not available"


@pytest.mark.parametrize(
    ("resources", "path", "controller"),
    [
        (Resources(memory=Memory(limit=GIB)), "memory.limit", "memory"),
        (Resources(memory=Memory(limit=GIB, swap=GIB)), "memory.swap", "memory"),
        (Resources(cpu=Cpu(shares=1024)), "cpu.shares", "cpu"),
        (Resources(cpu=Cpu(quota=1000)), "cpu.quota", "cpu"),
        (Resources(cpu=Cpu(idle=1)), "cpu.idle", "cpu"),
        (Resources(cpu=Cpu(cpus="0")), "cpu.cpus", "cpuset"),
        (Resources(pids=Pids(limit=0)), "pids.limit", "pids"),
    ],
)
def test_a_limit_without_its_controller_is_refused(resources: Resources, path: str, controller: str) -> None:
    assert refused(resources, ALL - {controller}) == (
        f"linux.resources.{path}",
        f"the {controller} controller is not available",
    )


def test_the_reason_why_a_controller_is_missing_is_told() -> None:
    with pytest.raises(UnsupportedError) as caught:
        writes(Resources(pids=Pids(limit=5)), NONE, lambda: {"pids": "bound to a cgroup v1 hierarchy"})
    assert str(caught.value) == (
        "config.json: linux.resources.pids.limit: the pids controller is bound to a cgroup v1 hierarchy"
        " (boot with cgroup_no_v1=all, or leave the limit out)"
    )


@pytest.mark.parametrize(
    "resources",
    [
        Resources(memory=Memory(limit=-1, swap=-1, reservation=0)),
        Resources(cpu=Cpu(quota=-1, burst=0, idle=0)),
        Resources(cpu=Cpu(period=50000)),
        Resources(pids=Pids(limit=-1)),
    ],
)
def test_no_limit_needs_no_controller(resources: Resources) -> None:
    assert made(resources, NONE) == []
    assert made(resources) != []


def test_the_weight_formula_is_exact_where_it_is_fitted() -> None:
    exponent = (math.log2(1024) ** 2 + 125 * math.log2(1024)) / 612 - 7 / 34
    assert math.ceil(10**exponent) == 100


def test_writes_are_for_reading() -> None:
    with pytest.raises(AttributeError):
        Write("memory.max", 1, "x").other = 1  # type: ignore[attr-defined]
