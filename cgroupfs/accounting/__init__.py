"""Accounting: what cgroups use, read in one pass over any number of them.

    with Reader("/sys/fs/cgroup/system.slice", subtree=True) as reader:
        before = reader.sample()
        ...
        for rate in rates(before, reader.read()):
            print(rate.path, rate.cores)

Importing this loads the module in C.
"""

from __future__ import annotations

from firkin.cgroupfs.accounting.layout import QUANTITIES, STATISTICS, Layout
from firkin.cgroupfs.accounting.reader import Reader
from firkin.cgroupfs.accounting.records import DeviceIo, GroupStats
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.use import Rates, growth, rates
from firkin.cgroupfs.accounting.values import ABSENT, UNLIMITED

__all__ = [
    "ABSENT",
    "QUANTITIES",
    "STATISTICS",
    "UNLIMITED",
    "DeviceIo",
    "GroupStats",
    "Layout",
    "Rates",
    "Reader",
    "Sample",
    "growth",
    "rates",
]
