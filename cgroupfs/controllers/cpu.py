"""The cpu controller: weights, bandwidth, utilization clamps."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Bandwidth, Flat
from firkin.cgroupfs.kinds import Flag, Number, Percent

__all__ = ["Cpu"]

_MOST_BURST = (1 << 44) - 1  # microseconds: what the scheduler's fixed point leaves


class Cpu(Controller):
    """Time on processors, in microseconds."""

    name: ClassVar[str] = "cpu"
    threaded: ClassVar[bool] = True

    stat = Flat(
        "cpu.stat",
        Model.STATE,
        "4.15",
        "time used, and throttled by this cgroup's own limit",
        access="r",
        place=Place.ANY,
    )
    stat_local = Flat(
        "cpu.stat.local",
        Model.STATE,
        "6.6",
        "time throttled, by the limits of ancestors too",
        access="r",
        place=Place.ANY,
    )
    weight = Number(
        "cpu.weight",
        Model.WEIGHT,
        "4.15",
        "share among siblings that want to run; reads 0 when idle",
        low=1,
        high=10000,
        default="100",
    )
    weight_nice = Number(
        "cpu.weight.nice", Model.WEIGHT, "4.15", "the weight as a nice value", low=-20, high=19, default="0"
    )
    idle = Flag("cpu.idle", Model.WEIGHT, "5.15", "run only when no sibling wants to", default="0")
    max = Bandwidth("cpu.max", Model.LIMIT, "4.15", "most time in each period", default="max 100000")
    max_burst = Number(
        "cpu.max.burst",
        Model.LIMIT,
        "5.14",
        "unused time that may be used later, up to the quota",
        high=_MOST_BURST,
        parse=units.parse_time,
        default="0",
    )
    uclamp_min = Percent(
        "cpu.uclamp.min", Model.PROTECTION, "5.4", "least utilization that frequency is chosen for", default="0.00"
    )
    uclamp_max = Percent(
        "cpu.uclamp.max", Model.LIMIT, "5.4", "most utilization that frequency is chosen for", default="max"
    )
