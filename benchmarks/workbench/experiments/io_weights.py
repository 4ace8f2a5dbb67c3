"""io.weight: who gets which part of a block device's time, with iocost and with BFQ."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from glob import glob

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.models.io import CostModel, IoGroup, share_device
from firkin.workbench.device_use import Use, used
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.scratch_disk import Disk, charged, opened_disk, scheduled, why_no_disk
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/admin-guide/cgroup-v2.rst, IO; block/blk-iocost.c"
_MIB = 1 << 20
_SETTLE = 0.3
_LEAST = 1.5  # seconds: of so few requests one more or less must not count
_THREADS = 4

# Far below what any disk can do: it is the model that shares out, and not the disk.
_MODEL = CostModel(bytes=4 * _MIB, sequential=400, random=100)
_SIZE = 32 << 10
_CAPACITY = _MODEL.requests(1, _SIZE, is_random=False)


def _why_no_iocost(host: Host) -> str:
    with Cgroup(".") as root:
        if not root.has("io.cost.qos"):
            return "needs iocost, and the root of the hierarchy (CONFIG_BLK_CGROUP_IOCOST)"
    return why_no_disk(host.device)


def _leaves(group: IoGroup, above: str = "") -> Iterator[tuple[str, IoGroup]]:
    for child in group.children:
        path = f"{above}{child.name}"
        if not child.children:
            yield path, child
        yield from _leaves(child, f"{path}/")


def _shares(top: IoGroup) -> dict[str, float]:
    tree, shares = share_device(top)
    found = {id(group): float(share) for group, share in zip(tree.groups, shares, strict=True)}
    return {path: found[id(group)] for path, group in _leaves(top)}


def _make(stage: Stage, group: IoGroup, above: str = "", file: str = "io_weight") -> Iterator[tuple[str, Cgroup]]:
    for child in group.children:
        path = f"{above}{child.name}"
        made = stage.group(path, **{file: str(child.weight)})
        if not child.children:
            yield path, made
        yield from _make(stage, child, f"{path}/", file)


def _predict(top: IoGroup) -> Mapping[str, float]:
    return {path: share * _CAPACITY for path, share in _shares(top).items()}


def _measure(top: IoGroup, host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    stage.enter(charged(disk, _MODEL))
    groups = dict(_make(stage, top))
    for path, group in groups.items():
        if dict(_leaves(top))[path].demand:
            stage.load(group, "block", disk.path, "read", "sequential", _SIZE, _THREADS)
    return _measured(stage, groups, disk, host, lambda use: use.requests)


def _measured(
    stage: Stage, groups: Mapping[str, Cgroup], disk: Disk, host: Host, value: Callable[[Use], float]
) -> Measurement:
    stage.settle(_SETTLE)
    found = used(groups, disk, max(host.seconds, _LEAST))
    values = {name: value(use) for name, use in found.items()}
    return Measurement(values, {name: use.series for name, use in found.items()})


def _of(name: str, question: str, top: IoGroup) -> Experiment:
    return Experiment(
        name,
        question,
        _SOURCE,
        ("io",),
        "requests/s",
        0.05,
        lambda host: _predict(top),
        lambda host, stage: _measure(top, host, stage),
        lambda host: _CAPACITY,
        lacking=_why_no_iocost,
        roughness=lambda noise: noise.figure * _CAPACITY,
    )


def _busy(name: str, weight: int) -> IoGroup:
    return IoGroup(name, weight, math.inf)


FLAT = _of(
    "io-weight",
    "With iocost: do siblings share a device by io.weight, and all that its cost model says it can do?",
    IoGroup("", children=[_busy("a", 100), _busy("b", 300), IoGroup("asleep", 1000)]),
)
NESTED = _of(
    "io-weight-nested",
    "With iocost: do weights count among siblings only, level by level?",
    IoGroup("", children=[IoGroup("a", 100, children=[_busy("x", 100), _busy("y", 300)]), _busy("b", 100)]),
)

_KINDS = {"random 4 KiB": ("random", 4 << 10), "sequential 64 KiB": ("sequential", 64 << 10)}


def _predict_kinds(host: Host) -> Mapping[str, float]:
    shares = _shares(IoGroup("", children=[_busy(name, 100) for name in _KINDS]))
    return {
        name: _MODEL.requests(shares[name], size, is_random=order == "random") for name, (order, size) in _KINDS.items()
    }


def _measure_kinds(host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    stage.enter(charged(disk, _MODEL))
    groups = {}
    for name, (order, size) in _KINDS.items():
        groups[name] = stage.group(name.partition(" ")[0])
        stage.load(groups[name], "block", disk.path, "read", order, size, _THREADS)
    return _measured(stage, groups, disk, host, lambda use: use.requests)


KINDS = Experiment(
    "io-cost",
    "With iocost: is it the device's time that equal weights share equally, and not requests or bytes?",
    _SOURCE,
    ("io",),
    "requests/s",
    0.05,
    _predict_kinds,
    _measure_kinds,
    lacking=_why_no_iocost,
    roughness=lambda noise: noise.figure * _CAPACITY,
)


def _why_no_bfq(host: Host) -> str:
    modules = f"/lib/modules/{os.uname().release}/modules.dep"
    known = [path for path in (modules, *glob("/sys/block/*/queue/scheduler")) if os.path.exists(path)]
    if not any(map(_names_bfq, known)):
        return "needs the BFQ scheduler (CONFIG_IOSCHED_BFQ)"
    return why_no_disk(host.device)


def _names_bfq(path: str) -> bool:
    with open(path) as file:
        return re.search(r"\bbfq\b", file.read()) is not None


def _predict_bfq(host: Host) -> Mapping[str, float]:
    return _shares(IoGroup("", children=[_busy("a", 100), _busy("b", 300)]))


def _measure_bfq(host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    stage.enter(scheduled(disk, "bfq"))
    top = IoGroup("", children=[_busy("a", 100), _busy("b", 300)])
    groups = dict(_make(stage, top, file="io_bfq_weight"))
    for group in groups.values():
        stage.load(group, "block", disk.path, "read", "sequential", _SIZE, _THREADS)
    found = _measured(stage, groups, disk, host, lambda use: use.bytes)
    total = sum(found.values.values())
    return Measurement({name: value / total for name, value in found.values.items()}, found.series)


BFQ = Experiment(
    "io-bfq-weight",
    "With BFQ: how far do siblings share a device by io.bfq.weight? (told, and not judged)",
    "Documentation/block/bfq-iosched.rst",
    ("io",),
    "part of the bytes",
    1.0,
    _predict_bfq,
    _measure_bfq,
    lambda host: 1.0,
    lacking=_why_no_bfq,
)

EXPERIMENTS = (FLAT, NESTED, KINDS, BFQ)
