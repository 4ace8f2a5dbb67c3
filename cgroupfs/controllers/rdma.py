"""The rdma controller: resources of RDMA devices."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs.interface import Controller, Model
from firkin.cgroupfs.keyed import Nested, NestedSettings, name_key
from firkin.cgroupfs.kinds import encode_limit

__all__ = ["Rdma"]


def _count(text: str) -> str:
    return encode_limit(text, 0, (1 << 31) - 1, int)


class Rdma(Controller):
    """Handles and objects of RDMA devices, by the device's name."""

    name: ClassVar[str] = "rdma"

    current = Nested("rdma.current", Model.STATE, "4.11", "handles and objects in use", access="r")
    max = NestedSettings(
        "rdma.max",
        Model.ALLOCATION,
        "4.11",
        "most handles and objects",
        key=name_key,
        subs={"hca_handle": _count, "hca_object": _count},
    )
