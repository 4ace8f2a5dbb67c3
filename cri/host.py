"""What this host allows, found out once when the server starts, and made ready where it must be."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from firkin.cri.apparmor import load_default
from firkin.cri.spec.inputs import HostDevice, HostFacts
from firkin.runtime.compile.capabilities import NAMES
from firkin.runtime.host import has_apparmor

__all__ = ["devices_at", "host_facts", "lowest_oom_score_adj"]

# In a container these are its own.
_OWN = frozenset(("pts", "shm", "mqueue", "fd", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"))
_MOST_DEVICES = 4096


def host_facts(*, systemd: bool, systemd_root: str = "") -> HostFacts:
    """The facts. Parameters: `systemd` says that systemd makes the cgroups, whose own lies at `systemd_root`."""
    contexts = _selinux_contexts()
    return HostFacts(
        capabilities=_capabilities(),
        lowest_oom_score_adj=lowest_oom_score_adj(),
        devices=tuple(devices_at("/dev")),
        machine=os.uname().machine,
        seccomp=os.path.exists("/proc/sys/kernel/seccomp/actions_avail"),
        apparmor=has_apparmor(),
        systemd=systemd,
        systemd_root=systemd_root,
        apparmor_default=load_default(),
        selinux_process=contexts.get("process", ""),
        selinux_file=contexts.get("file", ""),
    )


def _selinux_contexts() -> dict[str, str]:
    # What libselinux calls lxc_contexts: `process = "system_u:system_r:container_t:s0"`; selinux(8), config(5).
    if not os.path.exists("/sys/fs/selinux/enforce"):
        return {}
    policy = _value(_text("/etc/selinux/config"), "SELINUXTYPE") or "targeted"
    text = _text(f"/etc/selinux/{policy}/contexts/lxc_contexts")
    return {name: _value(text, name) for name in ("process", "file")}


def _value(text: str, name: str) -> str:
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == name:
            return value.strip().strip('"')
    return ""


def lowest_oom_score_adj() -> int:
    """What this process may set at the least (proc_pid_oom_score_adj(5)): going lower needs CAP_SYS_RESOURCE."""
    own = _text("/proc/self/oom_score_adj")
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("-1000")
    except PermissionError:
        return int(own)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(own)
    return -1000


def devices_at(path: str) -> Iterator[HostDevice]:
    """The device at `path`, or those in the directory there, at most 4096; nothing where there is none."""
    for number, (name, status) in enumerate(_nodes(path)):
        if number == _MOST_DEVICES:
            return
        kind = "b" if stat.S_ISBLK(status.st_mode) else "c"
        major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
        yield HostDevice(name, kind, major, minor, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _nodes(path: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        status = os.stat(path)
    except OSError:
        return
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        yield path, status
    elif stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if not entry.is_symlink() and entry.name not in _OWN)
        for name in names:
            yield from _nodes(f"{path}/{name}")


def _capabilities() -> tuple[str, ...]:
    held = int(_text("/proc/self/status").partition("\nCapBnd:")[2].split(None, 1)[0], 16)
    return tuple(name for number, name in enumerate(NAMES) if held >> number & 1)


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
