"""The pids controller: how many processes and threads."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model
from firkin.cgroupfs.keyed import Flat
from firkin.cgroupfs.kinds import Limited, Number

__all__ = ["Pids"]

_MOST = 4 * 1024 * 1024  # PID_MAX_LIMIT of 64-bit kernels


class Pids(Controller):
    """Tasks: each thread counts."""

    name: ClassVar[str] = "pids"
    threaded: ClassVar[bool] = True

    current = Number("pids.current", Model.STATE, "4.3", "tasks in the subtree", access="r")
    peak = Number("pids.peak", Model.STATE, "6.1", "most tasks ever in the subtree", access="r")
    max = Limited("pids.max", Model.LIMIT, "4.3", "most tasks: beyond it fork fails", high=_MOST)
    events = Flat("pids.events", Model.EVENTS, "4.4", "times that fork failed by a limit in the subtree", access="r")
    events_local = Flat("pids.events.local", Model.EVENTS, "6.11", "times that fork failed by this limit", access="r")
