"""The order of writes to a cgroup that is in use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.resources import writes
from firkin.cgroupfs.update import in_safe_order
from firkin.oci.runtime_spec import Cpu, Memory, Resources

ALL = frozenset({"cpu", "cpuset", "memory", "pids"})
LIMITS = st.integers(1 << 20, 1 << 30)


def ordered(resources: Resources, now: dict[str, str]) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in in_safe_order(writes(resources, ALL), now.__getitem__)]


@given(LIMITS, LIMITS, LIMITS, LIMITS)
def test_memory_is_raised_before_it_is_lowered(limit: int, swap: int, old_limit: int, old_swap: int) -> None:
    now = {"memory.max": str(old_limit), "memory.swap.max": str(old_swap)}
    done = ordered(Resources(memory=Memory(limit=limit, swap=limit + swap)), now)
    assert sorted(done) == [("memory.max", str(limit)), ("memory.swap.max", str(swap))]
    lowered = [int(value) < int(now[file]) for file, value in done]
    assert lowered == sorted(lowered)


def test_no_limit_is_above_all() -> None:
    now = {"memory.max": "max", "memory.swap.max": "0"}
    done = ordered(Resources(memory=Memory(limit=1 << 20, swap=-1)), now)
    assert done == [("memory.swap.max", "max"), ("memory.max", "1048576")]


@st.composite
def bandwidths(draw: st.DrawFn) -> tuple[int, int]:
    quota = draw(st.integers(1000, 1_000_000))
    return quota, draw(st.integers(0, quota))


@given(bandwidths(), bandwidths())
def test_the_burst_is_never_above_the_quota(old: tuple[int, int], new: tuple[int, int]) -> None:
    quota, burst = old
    resources = Resources(cpu=Cpu(quota=new[0], period=100_000, burst=new[1]))
    for file, value in ordered(resources, {"cpu.max": f"{quota} 100000", "cpu.max.burst": str(burst)}):
        if file == "cpu.max":
            quota = int(value.split()[0])
        else:
            burst = int(value)
        # The kernel would refuse the write.
        assert burst <= quota
    assert (quota, burst) == new


def test_other_writes_keep_their_places() -> None:
    resources = Resources(
        cpu=Cpu(cpus="0", quota=50_000, burst=10_000, shares=1024),
        memory=Memory(limit=1 << 20, swap=1 << 21, reservation=4096),
    )
    now = {"memory.max": "4096", "memory.swap.max": "max", "cpu.max": "max 100000"}
    assert [file for file, _ in ordered(resources, now)] == [
        "cpuset.cpus",
        "memory.max",
        "memory.swap.max",
        "memory.low",
        "cpu.weight",
        "cpu.max.burst",
        "cpu.max",
    ]
