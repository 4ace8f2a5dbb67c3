"""The cpuset controller: which processors and memory nodes, and exclusive partitions of them."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Partition
from firkin.cgroupfs.kinds import NumberList

__all__ = ["Cpuset"]


class Cpuset(Controller):
    """Sets of processors and memory nodes."""

    name: ClassVar[str] = "cpuset"
    threaded: ClassVar[bool] = True

    cpus = NumberList("cpuset.cpus", Model.LIMIT, "5.0", "processors asked for; empty: those of the parent")
    cpus_effective = NumberList(
        "cpuset.cpus.effective", Model.STATE, "5.0", "processors that can be used", access="r", place=Place.ANY
    )
    mems = NumberList("cpuset.mems", Model.LIMIT, "5.0", "memory nodes asked for; a change moves memory")
    mems_effective = NumberList(
        "cpuset.mems.effective", Model.STATE, "5.0", "memory nodes that can be used", access="r", place=Place.ANY
    )
    cpus_exclusive = NumberList(
        "cpuset.cpus.exclusive", Model.ALLOCATION, "6.7", "processors wanted for partitions alone"
    )
    cpus_exclusive_effective = NumberList(
        "cpuset.cpus.exclusive.effective", Model.STATE, "6.7", "processors that partitions can have", access="r"
    )
    cpus_isolated = NumberList(
        "cpuset.cpus.isolated", Model.STATE, "6.7", "processors of isolated partitions", access="r", place=Place.ROOT
    )
    cpus_partition = Partition(
        "cpuset.cpus.partition", Model.ALLOCATION, "5.2", "take the processors away from all others", default="member"
    )
