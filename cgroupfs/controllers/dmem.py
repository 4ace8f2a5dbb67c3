"""The dmem controller: memory of devices, by region."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Flat, FlatLimits

__all__ = ["Dmem"]


class Dmem(Controller):
    """Device memory in bytes, by a region's name such as drm/0000:03:00.0/vram0."""

    name: ClassVar[str] = "dmem"

    capacity = Flat("dmem.capacity", Model.STATE, "6.14", "what the devices have", access="r", place=Place.ROOT)
    current = Flat("dmem.current", Model.STATE, "6.14", "in use", access="r", place=Place.ANY)
    min = FlatLimits("dmem.min", Model.PROTECTION, "6.14", "never evicted")
    low = FlatLimits("dmem.low", Model.PROTECTION, "6.14", "evicted only if nothing unprotected is left")
    max = FlatLimits("dmem.max", Model.LIMIT, "6.14", "beyond it allocation fails")
