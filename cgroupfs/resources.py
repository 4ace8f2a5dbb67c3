"""OCI resources as writes to cgroup v2 files: a pure function, exact conversions, an error for what has none.

Source: config-linux.md "Control groups"; Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from firkin.oci.runtime_spec import Cpu, Memory, Pids, Resources

    # file, value, place below the resources
    Asked: TypeAlias = tuple[str, object, str]

__all__ = ["Write", "cpu_weight", "writes"]

_DEFAULT_PERIOD = 100000  # microseconds, of cpu.max
# What the first word of a file is when nothing is asked for: it holds without the controller too.
_NOTHING_ASKED = {
    "cpu.idle": "0",
    "cpu.max": "max",
    "cpu.max.burst": "0",
    "memory.low": "0",
    "memory.max": "max",
    "memory.swap.max": "max",
    "pids.max": "max",
}
# Files that a kernel built without swap, or older than 5.15, lacks, with what holds there all the same.
_OPTIONAL = (("memory.swap.max", "max"), ("memory.swap.max", "0"), ("cpu.idle", "0"))


class Write:
    """One write: `value` to `file`, asked for at `path` in the document; `controller` has the file, "" for the core.

    An `optional` write says nothing where the kernel has no such file.
    """

    __slots__ = ("controller", "file", "optional", "path", "value")

    def __init__(self, file: str, value: object, path: str) -> None:
        controller, _, name = file.partition(".")
        self.file = file
        self.value = str(value)
        self.path = path
        # Pressure is measured in every cgroup, whoever controls.
        self.controller = "" if controller == "cgroup" or name == "pressure" else controller
        self.optional = (file, self.value) in _OPTIONAL

    def __repr__(self) -> str:
        return f"Write({self.file!r}, {self.value!r}, {self.path!r})"


def writes(
    resources: Resources,
    available: frozenset[str],
    missing: Callable[[], Mapping[str, str]] = dict,
    *,
    place: str = "linux.resources",
    files: frozenset[str] = frozenset(),
) -> tuple[Write, ...]:
    """The writes for `resources`, in the order in which they must be made, before a process is in the cgroup.

    Parameters: `available` are the controllers of the hierarchy; `missing` tells why others are not there; `place` is
    the JSON path of the resources, "" for the root; `files` names the files that only some kernels have and this one
    has, of which io.bfq.weight counts. Device rules are not here: see `device_program`.
    Raises UnsupportedError with the path of a limit that cgroup v2 can not express, or whose controller is missing,
    ConfigError with the path of a value that contradicts another one, or is out of range.
    """
    prefix = f"{place}." if place else ""
    result = []
    for file, value, where in _asked(resources, prefix, files):
        write = Write(file, value, prefix + where)
        if not write.controller or write.controller in available:
            result.append(write)
        elif where.startswith("unified[") or not _asks_for_nothing(write):
            why = missing().get(write.controller, "not available")
            raise UnsupportedError(write.path, f"the {write.controller} controller is {why}", hint=_hint(why))
    return tuple(result)


def _asks_for_nothing(write: Write) -> bool:
    if write.file == "io.max":
        return write.value.endswith("=max")
    return write.value.partition(" ")[0] == _NOTHING_ASKED.get(write.file)


def _hint(why: str) -> str:
    return "boot with cgroup_no_v1=all, or leave the limit out" if "v1" in why else ""


def _asked(resources: Resources, prefix: str, files: frozenset[str]) -> Iterator[Asked]:
    # cpuset first: memory that is there already would have to move. unified last: it overrides.
    if resources.cpu:
        yield from _cpuset(resources.cpu)
    if resources.memory:
        yield from _memory(resources.memory, f"{prefix}memory")
    if resources.cpu:
        yield from _cpu(resources.cpu, f"{prefix}cpu")
    if resources.pids:
        yield from _pids(resources.pids)
    if resources.block_io or resources.hugepage_limits or resources.rdma or resources.network:
        from firkin.cgroupfs.device_limits import asked

        yield from asked(resources, prefix, files)
    if resources.unified:
        yield from _unified(resources.unified, prefix)


def _cpuset(cpu: Cpu) -> Iterator[Asked]:
    if cpu.cpus:
        yield "cpuset.cpus", cpu.cpus, "cpu.cpus"
    if cpu.mems:
        yield "cpuset.mems", cpu.mems, "cpu.mems"


def _memory(memory: Memory, place: str) -> Iterator[Asked]:
    _refuse_memory(memory, place)
    swap = _swap(memory, place)
    if swap is not None:
        yield "memory.swap.max", _limit(swap), "memory.swap" if memory.swap else "memory.limit"
    if memory.limit:
        yield "memory.max", _limit(memory.limit), "memory.limit"
    if memory.reservation is not None:
        yield "memory.low", _limit(memory.reservation), "memory.reservation"


def _refuse_memory(memory: Memory, place: str) -> None:
    # Kernel memory is a part of memory and there is always a hierarchy: no limit of its own, and true, are the case.
    for name, value, is_the_case in (
        ("kernel", memory.kernel, (None, 0, -1)),
        ("kernelTCP", memory.kernel_tcp, (None, 0, -1)),
        ("swappiness", memory.swappiness, (None,)),
        ("disableOOMKiller", memory.disable_oom_killer, (None, False)),
        ("useHierarchy", memory.use_hierarchy, (None, True)),
    ):
        if value not in is_the_case:
            raise UnsupportedError(f"{place}.{name}", "cgroup v2 has no such setting")


def _swap(memory: Memory, place: str) -> int | None:
    # The specification counts memory and swap together, the kernel swap alone; 0 is the same as absent.
    limit, swap = memory.limit, memory.swap
    if not swap:
        return -1 if limit == -1 else None
    if swap == -1 or limit == -1:
        return swap
    if not limit:
        raise UnsupportedError(f"{place}.swap", "is memory and swap together, and can not be told without limit")
    if swap < limit:
        raise ConfigError(f"{place}.swap", f"{swap} is memory and swap together, and less than the limit, {limit}")
    return swap - limit


def _cpu(cpu: Cpu, place: str) -> Iterator[Asked]:
    for name, value in (("realtimeRuntime", cpu.realtime_runtime), ("realtimePeriod", cpu.realtime_period)):
        if value:
            raise UnsupportedError(f"{place}.{name}", "cgroup v2 has no realtime limits")
    if cpu.idle is not None:
        yield "cpu.idle", cpu.idle, "cpu.idle"
    # An idle cgroup has the least weight and the kernel refuses it another one; to end being idle sets the default.
    if cpu.shares and not cpu.idle:
        yield "cpu.weight", cpu_weight(cpu.shares), "cpu.shares"
    if cpu.burst and cpu.quota and 0 < cpu.quota < cpu.burst:
        raise ConfigError(f"{place}.burst", f"{cpu.burst} is more than the quota, {cpu.quota}")
    yield from _bandwidth(cpu)


def _bandwidth(cpu: Cpu) -> Iterator[Asked]:
    if cpu.quota or cpu.period:
        if cpu.burst:
            # Neither the old burst may be above the new quota, nor the new burst above the old quota.
            yield "cpu.max.burst", 0, "cpu.burst"
        quota = cpu.quota if cpu.quota and cpu.quota > 0 else "max"
        yield "cpu.max", f"{quota} {cpu.period or _DEFAULT_PERIOD}", "cpu.quota" if cpu.quota else "cpu.period"
    if cpu.burst is not None:
        yield "cpu.max.burst", cpu.burst, "cpu.burst"


def cpu_weight(shares: int) -> int:
    """cpu.weight, 1 to 10000, for `cpu.shares`, 2 to 262144; the defaults, 1024 and 100, are each other's.

    Source: https://github.com/opencontainers/cgroups/issues/20, the conversion that all runtimes agree on.
    """
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    from math import ceil, log2

    logarithm = log2(shares)
    return ceil(10 ** ((logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34))


def _pids(pids: Pids) -> Iterator[Asked]:
    # With 0 not even the first process could be born in the cgroup: 1 is what 0 means to it.
    if pids.limit is not None:
        yield "pids.max", _limit(pids.limit) if pids.limit else 1, "pids.limit"


def _limit(value: int) -> int | str:
    return "max" if value < 0 else value


def _unified(unified: Mapping[str, str], prefix: str) -> Iterator[Asked]:
    from firkin.oci.annotation import subscript

    for file, value in unified.items():
        where = f"unified{subscript(file)}"
        if not file.partition(".")[0] or "/" in file:
            raise ConfigError(prefix + where, "is not the name of a file in a cgroup")
        # A write takes one key, and one of nothing at all the kernel does not notice.
        for line in _lines(value):
            yield file, line, where


def _lines(value: str) -> Iterable[str]:
    return [line for line in value.split("\n") if line] or ["\n"]
