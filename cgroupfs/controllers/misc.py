"""The misc controller: countable resources that are no page and no time, such as keys of encrypted memory."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Flat, FlatLimits

__all__ = ["Misc"]


class Misc(Controller):
    """Resources by name: sev, sev_es, tdx ..."""

    name: ClassVar[str] = "misc"

    capacity = Flat("misc.capacity", Model.STATE, "5.13", "what the machine has", access="r", place=Place.ROOT)
    current = Flat("misc.current", Model.STATE, "5.13", "in use", access="r", place=Place.ANY)
    peak = Flat("misc.peak", Model.STATE, "6.11", "most ever in use", access="r", place=Place.ANY)
    max = FlatLimits("misc.max", Model.LIMIT, "5.13", "most that may be in use")
    events = Flat("misc.events", Model.EVENTS, "5.17", "times that a limit was hit in the subtree", access="r")
    events_local = Flat("misc.events.local", Model.EVENTS, "6.11", "times that this limit was hit", access="r")
