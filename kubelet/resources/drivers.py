"""Who makes cgroups: this program itself, or systemd, whose units they are then.

A cgroup is named from the top, as in ("kubepods", "burstable", "podUID").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.cgroupfs.resources import Write
from firkin.cgroupfs.systemd.driver import Systemd
from firkin.cgroupfs.systemd.names import slice_path
from firkin.cgroupfs.systemd.properties import limit_properties
from firkin.errors import AlreadyExistsError, CgroupError, CgroupGoneError

__all__ = ["Driver", "FileDriver", "SystemdDriver", "known_driver"]

_WANTED = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids")


class Driver(Protocol):
    """Makes and removes cgroups. May block. Raises CgroupError."""

    def ensure(self, names: tuple[str, ...], files: Mapping[str, str]) -> str:
        """Make a cgroup with what is missing above it, write its files; returns its path, which begins with /."""

    def path(self, names: tuple[str, ...]) -> str:
        """The path of a cgroup, which may not be there; it begins with /."""

    def remove(self, names: tuple[str, ...]) -> None:
        """Kill what runs there and remove it with all below; it may be gone."""


class FileDriver:
    """Makes directories below `root`, a path in the hierarchy."""

    def __init__(self, root: str = "") -> None:
        self._root = root.strip("/")
        available = find_hierarchy().controllers
        self._controllers = tuple(name for name in _WANTED if name in available)

    def ensure(self, names: tuple[str, ...], files: Mapping[str, str]) -> str:
        """See Driver."""
        with Cgroup.make(self._path(names), controllers=self._controllers) as group:
            for file, value in files.items():
                group.write(file, value)
        return self.path(names)

    def path(self, names: tuple[str, ...]) -> str:
        """See Driver."""
        return f"/{self._path(names)}"

    def remove(self, names: tuple[str, ...]) -> None:
        """See Driver."""
        Cgroup.destroy(self._path(names))

    def _path(self, names: tuple[str, ...]) -> str:
        return "/".join((self._root, *names)).strip("/")


class SystemdDriver:
    """Has slices made: kubepods-burstable-podUID.slice, with the dashes of the uid as underscores."""

    def ensure(self, names: tuple[str, ...], files: Mapping[str, str]) -> str:
        """See Driver."""
        with Systemd() as systemd:
            writes = [Write(file, value, file) for file, value in files.items()]
            properties = limit_properties(writes, systemd.version)
            try:
                systemd.start_slice(_unit(names), properties)
            except AlreadyExistsError:
                systemd.set_properties(_unit(names), properties)
        # What systemd has no property for.
        with Cgroup(slice_path(_unit(names))) as group:
            for file, value in files.items():
                if file.startswith("hugetlb.") and group.has(file):
                    group.write(file, value)
        return self.path(names)

    def path(self, names: tuple[str, ...]) -> str:
        """See Driver."""
        return f"/{slice_path(_unit(names))}"

    def remove(self, names: tuple[str, ...]) -> None:
        """See Driver."""
        path = slice_path(_unit(names))
        try:
            with Cgroup(path) as group:
                group.kill()
                group.wait_empty()
        except CgroupGoneError:
            return
        with Systemd() as systemd:
            systemd.stop(_unit(names))


def _unit(names: tuple[str, ...]) -> str:
    return f"{'-'.join(name.replace('-', '_') for name in names)}.slice"


def known_driver(name: str, root: str) -> Driver:
    """The driver of this name, cgroupfs or systemd. Raises CgroupError for another one."""
    if name == "systemd":
        return SystemdDriver()
    if name != "cgroupfs":
        raise CgroupError(f"the driver of cgroups {name!r} is neither cgroupfs nor systemd")
    return FileDriver(root)
