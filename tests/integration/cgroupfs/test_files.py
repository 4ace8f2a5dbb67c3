"""All interface files that this kernel shows are known, and are what the catalogue says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.controllers import Entry, find
from firkin.cgroupfs.interface import Place
from firkin.cgroupfs.keyed import PressureFile
from tests.support.cgroup_values import known, put, value
from tests.support.cgroups import scratch_name

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.guest]

# What the kernel lets be written is not written as a value: enable() and disable(), triggers, peak meters.
WRITTEN_OTHERWISE = frozenset({"cgroup.subtree_control", "memory.peak", "memory.swap.peak"})

# The root has them since a later kernel than other cgroups.
LATER_IN_THE_ROOT = frozenset({"misc.current"})


@pytest.fixture
def root() -> Iterator[Cgroup]:
    """The root of the hierarchy."""
    with Cgroup(".") as group:
        yield group


@pytest.fixture
def full(root: Cgroup) -> Iterator[Cgroup]:
    """A cgroup with all controllers that there are."""
    name, before = scratch_name(), root.core.subtree_control
    try:
        with Cgroup.make(name, controllers=sorted(root.core.controllers)) as group:
            yield group
    finally:
        Cgroup.destroy(name)
        if added := root.core.subtree_control - before:
            root.disable(sorted(added))


def files(group: Cgroup) -> dict[str, int]:
    """The mode of each interface file of the cgroup, by name."""
    with os.scandir(group.fileno()) as entries:
        found = {entry.name: entry.stat().st_mode & 0o777 for entry in entries if entry.is_file()}
    assert "cgroup.procs" in found
    return found


def entries(group: Cgroup) -> Iterator[tuple[str, Entry]]:
    """The files of the cgroup that are known."""
    return ((name, entry) for name in sorted(files(group)) if (entry := find(name)) is not None)


def test_no_file_is_unknown(root: Cgroup, full: Cgroup) -> None:
    unknown = sorted(name for name in files(root) | files(full) if find(name) is None)
    assert unknown == []


def test_access_is_that_of_the_files_mode(root: Cgroup, full: Cgroup) -> None:
    for group in (root, full):
        for name, entry in entries(group):
            mode = files(group)[name]
            access = ("r" if mode & 0o400 else "") + ("w" if mode & 0o200 else "")
            if isinstance(entry.file, PressureFile) or name in WRITTEN_OTHERWISE:
                access = "r"
            assert (name, entry.file.access) == (name, access)


def test_files_are_where_the_catalogue_places_them(root: Cgroup, full: Cgroup) -> None:
    in_root, in_child = files(root), files(full)
    for name in in_root:
        assert known(name).file.place in (Place.ANY, Place.ROOT), name
    for name in in_child:
        assert known(name).file.place in (Place.ANY, Place.NOT_ROOT), name
        if known(name).file.place is Place.ANY and name not in LATER_IN_THE_ROOT:
            assert name in in_root


def test_new_cgroup_has_the_defaults(full: Cgroup) -> None:
    for name, entry in entries(full):
        if entry.file.default:
            assert (name, value(full, name)) == (name, entry.file.decode(entry.file.default))


def test_every_file_is_read(root: Cgroup, full: Cgroup) -> None:
    for group in (root, full):
        for name, entry in entries(group):
            if "r" in entry.file.access:
                value(group, name)


def test_every_default_is_written_back(full: Cgroup) -> None:
    for name, entry in entries(full):
        if entry.file.default and name != "cgroup.type":
            put(full, name, entry.file.default)
            assert (name, value(full, name)) == (name, entry.file.decode(entry.file.default))


@pytest.mark.covers("cgroup.stat.local", "cpu.stat.local")
def test_counters_begin_at_zero(full: Cgroup) -> None:
    for name, entry in entries(full):
        if (".events" in name and name != "cgroup.events") or name.endswith(".stat.local") or name == "cpu.stat":
            counted = entry.file.read(entry.controller(full, entry.subject))
            assert isinstance(counted, dict)
            assert not any(counted.values()), name
