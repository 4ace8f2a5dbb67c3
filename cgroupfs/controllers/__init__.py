"""The controllers of cgroup v2, one file each, and the catalogue of their interface files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from firkin.cgroupfs.controllers.core import Core
from firkin.cgroupfs.controllers.cpu import Cpu
from firkin.cgroupfs.controllers.cpuset import Cpuset
from firkin.cgroupfs.controllers.dmem import Dmem
from firkin.cgroupfs.controllers.hugetlb import Hugetlb
from firkin.cgroupfs.controllers.io import Io
from firkin.cgroupfs.controllers.memory import Memory
from firkin.cgroupfs.controllers.misc import Misc
from firkin.cgroupfs.controllers.pids import Pids
from firkin.cgroupfs.controllers.rdma import Rdma
from firkin.cgroupfs.interface import Controller, File

__all__ = ["CONTROLLERS", "Entry", "catalogue", "find"]

CONTROLLERS: tuple[type[Controller], ...] = (Core, Cpu, Memory, Io, Pids, Cpuset, Hugetlb, Rdma, Misc, Dmem)
"""In the order in which people look for them."""


class Entry:
    """A file of the catalogue: its controller's class, its attribute there, the subject in its name or ""."""

    def __init__(
        self, controller: type[Controller], attribute: str, file: File[object, object], subject: str = ""
    ) -> None:
        self.controller = controller
        self.attribute = attribute
        self.file = file
        self.subject = subject


def catalogue() -> Iterator[Entry]:
    """All interface files that are known."""
    for controller in CONTROLLERS:
        for attribute, file in controller.files():
            yield Entry(controller, attribute, file)


def find(name: str) -> Entry | None:
    """The entry of the file `name`, such as memory.max or hugetlb.2MB.max; None if it is unknown."""
    for entry in catalogue():
        before, braces, after = entry.file.name.partition("{}")
        if not braces and entry.file.name == name:
            return entry
        if braces and (match := re.fullmatch(f"{re.escape(before)}([0-9]+[KMG]B){re.escape(after)}", name)):
            return Entry(entry.controller, entry.attribute, entry.file, match[1])
    return None
