"""Facts about this host that a plan depends on, read once per call."""

from __future__ import annotations

import os

from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.runtime.compile.request import Host

__all__ = ["has_apparmor", "read_host"]


def read_host(state_root: str) -> Host:
    """The facts. Compiled filters are kept below `state_root`. Raises CgroupError without cgroup v2."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        last = int(file.read())
    with open("/proc/self/status", "rb") as file:
        permitted = int(file.read().partition(b"\nCapPrm:")[2].split(None, 1)[0], 16)
    return Host(
        known_hierarchy(),
        environment=os.environ,
        last_capability=last,
        permitted=permitted,
        seccomp_cache=f"{state_root}/.cache/seccomp",
        apparmor=has_apparmor(),
        selinux=os.path.exists("/sys/fs/selinux/enforce"),
    )


def has_apparmor() -> bool:
    """Whether AppArmor is in force."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", "rb") as file:
            return file.read(1) == b"Y"
    except FileNotFoundError:
        return False
