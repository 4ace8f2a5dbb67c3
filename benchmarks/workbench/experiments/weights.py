"""cpu.weight and cpu.idle: who gets which part of the processors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from firkin.cgroupfs.models.cpu import CpuGroup, share_cpu
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS", "of_weights", "shares_of"]

_SOURCE = "Documentation/admin-guide/cgroup-v2.rst, CPU; sched_group_set_shares, sched_group_set_idle"
_SETTLE = 0.3  # seconds until the balance between processors is found


def of_weights(name: str, question: str, top: CpuGroup, *, tolerance: float = 0.02) -> Experiment:
    """An experiment on a tree of groups: all leaves with threads spin, and their use is compared.

    A group with 0 threads has as many as there are processors; with a demand of 0 it has none at all.
    """
    return Experiment(
        name,
        question,
        _SOURCE,
        ("cpu",),
        "share of what is used",
        tolerance,
        lambda host: _predict(_filled(top, host), host),
        lambda host, stage: _measure(_filled(top, host), host, stage),
        lambda host: 1.0,
    )


def _filled(group: CpuGroup, host: Host) -> CpuGroup:
    if group.children:
        return replace(group, children=[_filled(child, host) for child in group.children])
    return replace(group, threads=0 if group.demand == 0 else group.threads or host.processors)


def _named(group: CpuGroup, path: str = "") -> Iterator[tuple[str, CpuGroup]]:
    for child in group.children:
        own = f"{path}/{child.name}".lstrip("/")
        yield own, child
        yield from _named(child, own)


def _predict(top: CpuGroup, host: Host) -> Mapping[str, float]:
    tree, result = share_cpu(top, host.processors)
    shares = {id(group): float(share) for group, share in zip(tree.groups, result.share, strict=True)}
    found = {}
    # The tree has copies of the groups, in the same order.
    copies = dict(_named(tree.groups[0]))
    for path, group in _named(top):
        if not group.children:
            found[path] = shares[id(copies[path])]
    return shares_of(found)


def shares_of(used: Mapping[str, float]) -> dict[str, float]:
    """Each one's part of what all use together. What somebody else took of the machine is left out of it."""
    total = sum(used.values())
    return {name: value / total if total else 0.0 for name, value in used.items()}


def _measure(top: CpuGroup, host: Host, stage: Stage) -> Measurement:
    leaves = []
    for path, group in _named(top):
        made = stage.group(path, cpu_weight=str(group.weight)) if not group.idle else stage.group(path, cpu_idle="1")
        if not group.children:
            leaves.append(path)
            if group.threads:
                stage.load(made, "spin", group.threads)
    stage.settle(_SETTLE)
    return Measurement(shares_of(stage.usage(leaves, host.seconds)))


FLAT = of_weights(
    "weights",
    "Do siblings share by cpu.weight?",
    CpuGroup("", children=[CpuGroup("a", 100), CpuGroup("b", 200), CpuGroup("c", 300)]),
)
NESTED = of_weights(
    "nested-weights",
    "Do weights count among siblings only, level by level?",
    CpuGroup("", children=[CpuGroup("a", 100, children=[CpuGroup("x", 100), CpuGroup("y", 300)]), CpuGroup("b", 100)]),
)
IDLE_SIBLING = of_weights(
    "idle-sibling",
    "Is the part of a group that wants nothing shared by the others?",
    CpuGroup("", children=[CpuGroup("a", 100), CpuGroup("b", 300), CpuGroup("asleep", 10000, demand=0)]),
)
IDLE_CLASS = of_weights(
    "idle-class",
    "Does a cpu.idle group get next to nothing beside a busy one?",
    CpuGroup("", children=[CpuGroup("busy", 100), CpuGroup("idle", idle=True)]),
)
FEW_THREADS = of_weights(
    "few-threads",
    "Does a group with one thread use one processor at most, however heavy it is?",
    CpuGroup("", children=[CpuGroup("heavy", 10000, threads=1), CpuGroup("light", 100)]),
    tolerance=0.03,
)


EXTREMES = of_weights(
    "extremes",
    "Does the lightest group get a ten-thousandth of what the heaviest has?",
    CpuGroup("", children=[CpuGroup("light", 1), CpuGroup("heavy", 10000)]),
    tolerance=0.01,
)
LEVELS = of_weights(
    "three-levels",
    "Is what a group gets divided again on each level below it?",
    CpuGroup(
        "",
        children=[
            CpuGroup("a", 300, children=[CpuGroup("b", 100, children=[CpuGroup("x", 200), CpuGroup("y", 100)])]),
            CpuGroup("c", 100, children=[CpuGroup("d", 100, children=[CpuGroup("z", 1)])]),
        ],
    ),
)
MANY_THREADS = of_weights(
    "many-threads",
    "Does a group gain nothing by more threads than there are processors?",
    CpuGroup("", children=[CpuGroup("many", 100, threads=16), CpuGroup("few", 100)]),
)

EXPERIMENTS = (FLAT, NESTED, LEVELS, EXTREMES, IDLE_SIBLING, IDLE_CLASS, FEW_THREADS, MANY_THREADS)
