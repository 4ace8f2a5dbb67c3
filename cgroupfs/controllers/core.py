"""What every cgroup has, whichever controllers are enabled."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Flat, PressureFile
from firkin.cgroupfs.kinds import Command, Flag, Limited, Numbers, Word, Words

__all__ = ["Core"]

_INT_MAX = (1 << 31) - 1


class Core(Controller):
    """Files of the tree itself: processes, children, the freezer, and pressure."""

    name: ClassVar[str] = ""

    type = Word(
        "cgroup.type",
        Model.CONTROL,
        "4.14",
        "domain, or a member of a threaded subtree; `threaded` can not be undone",
        choices=("threaded",),
        default="domain",
    )
    procs = Numbers(
        "cgroup.procs", Model.CONTROL, "4.5", "processes in the cgroup; writing one moves it", place=Place.ANY
    )
    threads = Numbers(
        "cgroup.threads", Model.CONTROL, "4.14", "threads in the cgroup; writing one moves it", place=Place.ANY
    )
    controllers = Words(
        "cgroup.controllers",
        Model.STATE,
        "4.5",
        "controllers that can be given to children",
        access="r",
        place=Place.ANY,
    )
    subtree_control = Words(
        "cgroup.subtree_control", Model.CONTROL, "4.5", "controllers that children have", place=Place.ANY, access="r"
    )
    events = Flat(
        "cgroup.events", Model.EVENTS, "4.5", "whether there are live processes, and all are frozen", access="r"
    )
    max_descendants = Limited(
        "cgroup.max.descendants", Model.LIMIT, "4.14", "cgroups below this one", high=_INT_MAX, place=Place.ANY
    )
    max_depth = Limited(
        "cgroup.max.depth", Model.LIMIT, "4.14", "levels of cgroups below this one", high=_INT_MAX, place=Place.ANY
    )
    stat = Flat("cgroup.stat", Model.STATE, "4.14", "descendants, alive and dying", access="r", place=Place.ANY)
    stat_local = Flat("cgroup.stat.local", Model.STATE, "6.18", "time that this cgroup was frozen", access="r")
    freeze = Flag("cgroup.freeze", Model.CONTROL, "5.2", "stop all processes of the subtree", default="0")
    kill = Command("cgroup.kill", Model.CONTROL, "5.14", "SIGKILL all processes of the subtree")
    pressure = Flag(
        "cgroup.pressure", Model.CONTROL, "6.1", "measure pressure in this cgroup", default="1", place=Place.ANY
    )
    cpu_pressure = PressureFile("cpu.pressure", Model.STATE, "4.20", "stalls for want of a processor", place=Place.ANY)
    memory_pressure = PressureFile("memory.pressure", Model.STATE, "4.20", "stalls for want of memory", place=Place.ANY)
    io_pressure = PressureFile("io.pressure", Model.STATE, "4.20", "stalls for input and output", place=Place.ANY)
    irq_pressure = PressureFile("irq.pressure", Model.STATE, "6.1", "time that interrupts took", place=Place.ANY)
