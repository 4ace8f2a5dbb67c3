"""io.max: bytes and requests a second of a block device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firkin.cgroupfs.models.io import IoMax, bound_by_max
from firkin.workbench.device_use import used
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Expectation, Measurement
from firkin.workbench.scratch_disk import opened_disk, why_no_disk
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/admin-guide/cgroup-v2.rst, IO; block/blk-throttle.c"
_MIB = 1 << 20
_SETTLE = 0.3  # seconds in which what was saved up before is spent
_LEAST = 1.5  # seconds: of so few requests one more or less must not count


@dataclass(frozen=True)
class _Load:
    # `limits` are those of the group and of the one above it.
    way: str
    size: int
    limits: tuple[IoMax, ...]

    @property
    def bytes(self) -> float:
        return bound_by_max(self.limits, self.size) * self.size

    def line(self, limit: IoMax) -> str:
        values = {f"{self.way[0]}bps": limit.bytes, f"{self.way[0]}iops": limit.requests}
        return " ".join(f"{key}={value:.0f}" if value < float("inf") else f"{key}=max" for key, value in values.items())


# Little enough that the slowest machine can do it all at once. Requests are given out in whole numbers for a slice of
# 0.1 s (tg_within_iops_limit): a limit that is no multiple of 10 is as good as the next lower one that is.
_LOADS = {
    "rbps": _Load("read", 64 << 10, (IoMax(bytes=2 * _MIB),)),
    "wbps": _Load("write", 64 << 10, (IoMax(bytes=2 * _MIB),)),
    "riops": _Load("read", 16 << 10, (IoMax(requests=40),)),
    "wiops": _Load("write", 16 << 10, (IoMax(requests=40),)),
    "both": _Load("read", 16 << 10, (IoMax(bytes=2 * _MIB, requests=30),)),
    "above": _Load("read", 32 << 10, (IoMax(bytes=4 * _MIB), IoMax(bytes=_MIB))),
}


def _measure(host: Host, stage: Stage) -> Measurement:
    disk = stage.enter(opened_disk(host.device))
    groups = {}
    for name, load in _LOADS.items():
        own, *above = load.limits
        groups[name] = group = stage.group(name)
        path = f"{name}/below" if above else name
        if above:
            group.io.max = f"{disk.number} {load.line(above[0])}"
        lowest = stage.group(path) if above else group
        lowest.io.max = f"{disk.number} {load.line(own)}"
        stage.load(lowest, "block", disk.path, load.way, "sequential", load.size, 2)
    stage.settle(_SETTLE)
    found = used(groups, disk, max(host.seconds, _LEAST))
    values = {name: use.bytes / _MIB for name, use in found.items()}
    return Measurement(values, {name: use.series for name, use in found.items()})


def _predict(host: Host) -> Mapping[str, float]:
    return {name: load.bytes / _MIB for name, load in _LOADS.items()}


def _expect(host: Host) -> Expectation:
    return Expectation({name: _constant(rate) for name, rate in _predict(host).items()})


def _constant(rate: float) -> Callable[[float], float]:
    return lambda now: rate


IO_MAX = Experiment(
    "io-max",
    "Is as much read and written as the tightest line of io.max allows, by bytes and by requests?",
    _SOURCE,
    ("io",),
    "MiB/s",
    0.05,
    _predict,
    _measure,
    expect=_expect,
    lacking=lambda host: why_no_disk(host.device),
    # What a processor misses, requests miss.
    roughness=lambda noise: noise.figure * max(load.bytes for load in _LOADS.values()) / _MIB,
)

EXPERIMENTS = (IO_MAX,)
