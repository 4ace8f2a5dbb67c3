"""The hugetlb controller: huge pages, by their size."""

from __future__ import annotations

from typing import ClassVar

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import MAX, Controller, Model
from firkin.cgroupfs.keyed import Assignments, Flat
from firkin.cgroupfs.kinds import Limit, Limited, Number

__all__ = ["Hugetlb"]


class HugePages(Limited):
    """A limit in bytes, of which newer kernels show the greatest they know where older ones say max."""

    def decode(self, text: str) -> Limit:
        limit = super().decode(text)
        # Rounded down to pages, or to huge pages of at most 16 GiB.
        return limit if limit == MAX or limit < (1 << 63) - (1 << 34) else MAX


class Hugetlb(Controller):
    """Huge pages of one size, such as 2MB or 1GB, in bytes."""

    name: ClassVar[str] = "hugetlb"

    current = Number("hugetlb.{}.current", Model.STATE, "5.6", "huge pages in use", access="r")
    max = HugePages("hugetlb.{}.max", Model.LIMIT, "5.6", "beyond it a fault ends in SIGBUS", parse=units.parse_size)
    rsvd_current = Number("hugetlb.{}.rsvd.current", Model.STATE, "5.7", "huge pages reserved", access="r")
    rsvd_max = HugePages("hugetlb.{}.rsvd.max", Model.ALLOCATION, "5.7", "beyond it mmap fails", parse=units.parse_size)
    events = Flat("hugetlb.{}.events", Model.EVENTS, "5.6", "allocations refused in the subtree", access="r")
    events_local = Flat("hugetlb.{}.events.local", Model.EVENTS, "5.6", "allocations refused by this limit", access="r")
    numa_stat = Assignments("hugetlb.{}.numa_stat", Model.STATE, "5.17", "huge pages in use, by node", access="r")
