"""memory.min and memory.low: what groups keep when a neighbour takes all the memory that it can get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.models.protection import held_under_pressure
from firkin.cgroupfs.models.tree import Tree
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.sampling import sampled
from firkin.workbench.scratch_disk import Disk, opened_disk, why_no_disk
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "mm/page_counter.c, effective_protection; Documentation/admin-guide/cgroup-v2.rst, Memory"
_MIB = 1 << 20


@dataclass(frozen=True)
class _Group:
    # Of one without children, `cached` MiB of a disk are read once and never again. `low` in MiB.
    name: str
    cached: int = 0
    low: int = 0
    children: Sequence[_Group] = ()
    file: str = "memory.low"


def _paths(group: _Group, above: str = "") -> Iterator[tuple[str, _Group]]:
    for child in group.children:
        path = f"{above}{child.name}"
        yield path, child
        yield from _paths(child, f"{path}/")


def _leaves(top: _Group) -> dict[str, _Group]:
    return {path: group for path, group in _paths(top) if not group.children}


def _predict(top: _Group, room: int) -> Mapping[str, float]:
    # The neighbour's memory can not be reclaimed, as if it were protected: it is left out of the tree.
    tree = Tree(top)
    used, lows = tree.array(lambda group: group.cached), tree.array(lambda group: group.low)
    held = held_under_pressure(tree, used, lows, float(used.sum()) - room)
    found = {id(group): float(value) for group, value in zip(tree.groups, held, strict=True)}
    return {path: found[id(group)] for path, group in _leaves(top).items()}


def _measure(top: _Group, room: int, host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    cached = sum(group.cached for group in _leaves(top).values())
    limit = (cached + 64) * _MIB
    machine = stage.group("machine", memory_max=str(limit), memory_swap_max="0")
    made = {}
    for path, group in _paths(top):
        made[path] = stage.group(f"machine/{path}", **{group.file.replace(".", "_"): str(group.low * _MIB)})
    _fill(stage, top, disk)
    read = {path: _cached(made[path]) for path in _leaves(top)}
    neighbour = stage.group("machine/neighbour")
    # The loads themselves need some memory, too.
    wanted = limit - (machine.memory.current - cached * _MIB) - room * _MIB
    load = stage.load(neighbour, "grow", wanted, wanted)
    series = sampled("MiB", read, 60, until=lambda: neighbour.memory.current >= wanted or not neighbour.processes())
    load.told("at")
    return Measurement({path: function() for path, function in read.items()}, series)


def _cached(group: Cgroup) -> Callable[[], float]:
    return lambda: group.memory.stat["file"] / _MIB


def _fill(stage: Stage, top: _Group, disk: Disk) -> None:
    start = _MIB
    for path, group in _leaves(top).items():
        end = start + group.cached * _MIB
        stage.load(stage.at(f"machine/{path}"), "read", disk.path, start, end, 1).told("read")
        start = end


def _of(name: str, question: str, top: _Group, *, room: int, lacking: str = "") -> Experiment:
    """Groups that hold cache, and a neighbour that takes anonymous memory until `room` MiB are left for them."""
    return Experiment(
        name,
        question,
        _SOURCE,
        ("memory",),
        "MiB of cache left",
        0.05,
        lambda host: _predict(top, room),
        lambda host, stage: _measure(top, room, host, stage),
        lambda host: float(room),
        lacking=lambda host: why_no_disk(host.device) or (lacking and _why_not_recursive()),
    )


_STREAM, _KEPT, _LIMIT = 128, 24, 64  # MiB


def _measure_stream(host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    stage.group("machine", memory_max=str(_LIMIT * _MIB), memory_swap_max="0")
    protected = stage.group("machine/protected", memory_low=str(2 * _KEPT * _MIB))
    stream = stage.group("machine/stream")
    end = (_KEPT + 1) * _MIB
    stage.load(protected, "read", disk.path, _MIB, end, 1).told("read")
    load = stage.load(stream, "read", disk.path, end, end + _STREAM * _MIB, 1)
    read = {"protected": _cached(protected), "stream": _cached(stream)}
    refaults = protected.memory.stat["workingset_refault_file"]
    series = sampled("MiB", read, host.seconds)
    load.told("read")
    values = {name: function() for name, function in read.items()}
    values["read again"] = protected.memory.stat["workingset_refault_file"] - refaults
    values["protection broken"] = protected.memory.events["low"]
    return Measurement(values, series)


def _predict_stream(host: Host) -> Mapping[str, float]:
    return {"protected": _KEPT, "stream": _LIMIT - _KEPT, "read again": 0, "protection broken": 0}


def _why_not_recursive() -> str:
    options = known_hierarchy().options
    return "" if "memory_recursiveprot" in options else "needs cgroup v2 mounted with memory_recursiveprot"


LOW = _of(
    "memory-low",
    "Does memory.low keep what a group has, where one beside it loses all?",
    _Group("", children=[_Group("protected", 24, 24), _Group("partly", 24, 12), _Group("open", 24)]),
    room=38,
)
MIN = _of(
    "memory-min",
    "Does memory.min keep what a group has?",
    _Group("", children=[_Group("protected", 24, 24, file="memory.min"), _Group("open", 24)]),
    room=26,
)
OVERCOMMITTED = _of(
    "memory-low-overcommitted",
    "Do children that claim more than their parent protects share it by what they use of their claims?",
    _Group(
        "",
        children=[
            _Group("parent", low=24, children=[_Group("a", 24, 24), _Group("b", 12, 12), _Group("c", 12)]),
            _Group("open", 12),
        ],
    ),
    room=25,
)
RECURSIVE = _of(
    "memory-recursiveprot",
    "Is what no child claims of its parent's protection shared by all by what they use?",
    _Group("", children=[_Group("parent", low=24, children=[_Group("a", 12), _Group("b", 36)]), _Group("open", 12)]),
    room=25,
    lacking="recursive",
)

STREAM = Experiment(
    "memory-low-stream",
    "Does memory.low keep what a group has, while its neighbour reads more than there is memory?",
    _SOURCE,
    ("memory",),
    "MiB of cache; times",
    0.05,
    _predict_stream,
    _measure_stream,
    lambda host: float(_LIMIT),
    lacking=lambda host: why_no_disk(host.device),
)

EXPERIMENTS = (LOW, MIN, STREAM, OVERCOMMITTED, RECURSIVE)
