"""Probes of cgroup v2: whether a cgroup can be made here, and which controllers it would have."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hierarchy", "why_no_child", "why_no_controller", "why_not_unified"]

_UNIFIED = Path("/sys/fs/cgroup")


@functools.cache
def hierarchy() -> Path | None:
    """Where cgroup2 is mounted, at whatever place; None if nowhere."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, filesystem = line.partition(" - ")
        if filesystem.split()[0] == "cgroup2":
            return Path(place.split()[4])
    return None


def why_not_unified() -> str:
    """Why cgroup v2 is not what /sys/fs/cgroup is, or ""."""
    return "" if hierarchy() == _UNIFIED else f"{_UNIFIED} is not cgroup2: this machine uses cgroup v1 too"


def why_no_child() -> str:
    """Why no cgroup can be made below the root of the hierarchy, or ""."""
    root = hierarchy()
    if root is None:
        return "cgroup2 is not mounted"
    try:
        with _scratch(root):
            return ""
    except OSError as error:
        return f"make a cgroup: {error}"


def why_no_controller(name: str) -> str:
    """Why a cgroup made below the root of the hierarchy would not have the controller `name`, or ""."""
    root = hierarchy()
    if root is None:
        return "cgroup2 is not mounted"
    try:
        with _scratch(root) as group, _enabled(root, name):
            found = (group / "cgroup.controllers").read_text().split()
    except OSError as error:
        bound = "" if name in (root / "cgroup.controllers").read_text().split() else ": not available to cgroup v2"
        return f"enable the controller {name} in {root}{bound or f': {error.strerror}'}"
    return "" if name in found else f"{root} does not pass the controller {name} on"


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    group = root / f"firkin-probe-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        group.rmdir()


@contextlib.contextmanager
def _enabled(root: Path, name: str) -> Iterator[None]:
    control = root / "cgroup.subtree_control"
    was_enabled = name in control.read_text().split()
    if not was_enabled:
        control.write_text(f"+{name}")
    try:
        yield
    finally:
        if not was_enabled:
            control.write_text(f"-{name}")
