"""What this host can do for containers, what it lacks, and what would make it faster."""

from __future__ import annotations

import os

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.errors import CgroupError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "examine"]

_MARKS = {"ok": "ok      ", "note": "note    ", "warning": "warning ", "error": "error   "}
_CONTROLLERS = ("cpu", "memory", "pids", "io", "cpuset", "hugetlb")
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


class Finding:
    """One thing that was looked at: `level` is ok, note (could be faster), warning (something is missing) or error."""

    def __init__(self, level: str, topic: str, text: str, hint: str = "") -> None:
        self.level = level
        self.topic = topic
        self.text = text
        self.hint = hint

    def line(self) -> str:
        """The finding for people."""
        hint = f"\n{' ' * 20}-> {self.hint}" if self.hint else ""
        return f"{_MARKS[self.level]}{self.topic:12}{self.text}{hint}"

    def as_dict(self) -> dict[str, object]:
        """The finding for programs."""
        return {"level": self.level, "topic": self.topic, "text": self.text, "hint": self.hint}


def examine() -> list[Finding]:
    """Look at everything; changes nothing."""
    return [
        *_kernel(),
        *_cgroup(),
        *_systemd(),
        *_namespaces(),
        *_seccomp(),
        *_images(),
        *_checkpoints(),
        *_rights(),
        *_speed(),
    ]


def _read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def _kernel() -> Iterator[Finding]:
    name = os.uname()
    level = "ok" if _has_cgroup_kill() is not False else "error"
    yield Finding(level, "kernel", f"Linux {name.release} on {name.machine}", "" if level == "ok" else "5.14 or newer")


def _has_cgroup_kill() -> bool | None:
    # Linux 5.14; every cgroup but the root has the file.
    try:
        mount = find_hierarchy().mount
    except CgroupError:
        return None
    with os.scandir(mount) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                return os.path.exists(f"{entry.path}/cgroup.kill")
    return None


def _cgroup() -> Iterator[Finding]:
    try:
        hierarchy = find_hierarchy()
    except CgroupError as error:
        yield Finding("error", "cgroup", error.message, error.hint)
        return
    kind = "unified" if hierarchy.unified else "hybrid"
    options = ",".join(sorted(hierarchy.options & {"nsdelegate", "memory_recursiveprot", "favordynmods"})) or "none"
    yield Finding("ok", "cgroup", f"cgroup2 at {hierarchy.mount} ({kind}; options of note: {options})")
    reasons = hierarchy.missing()
    for name in _CONTROLLERS:
        if name in hierarchy.controllers:
            yield Finding("ok", name, "controller available")
        else:
            why = reasons.get(name, "not in this kernel")
            hint = "boot with cgroup_no_v1=all" if "v1" in why else ""
            yield Finding("warning", name, f"controller {why}: its limits can't be set", hint)


def _systemd() -> Iterator[Finding]:
    # As sd_booted(3) finds out.
    if not os.path.isdir("/run/systemd/system"):
        yield Finding("note", "systemd", "not running: --systemd-cgroup can't be used")
        return
    from firkin.runtime.cli.commands import is_mapped_root
    from firkin.runtime.scope import connect

    user = os.geteuid() != 0 or is_mapped_root()
    try:
        with connect(user=user) as systemd:
            whose = "this user's" if user else "the system's"
            yield Finding("ok", "systemd", f"version {systemd.version}, {whose} units: --systemd-cgroup can be used")
    except CgroupError as error:
        yield Finding("warning", "systemd", error.message, error.hint)


def _namespaces() -> Iterator[Finding]:
    missing = [name for name in _NAMESPACES if not os.path.exists(f"/proc/self/ns/{name}")]
    if missing:
        yield Finding("warning", "namespaces", f"this kernel has no {', '.join(missing)} namespace")
    else:
        yield Finding("ok", "namespaces", "all eight types")
    for name in ("user", "mnt", "net", "pid"):
        if _read(f"/proc/sys/user/max_{name}_namespaces") == "0":
            yield Finding(
                "warning", "namespaces", f"no {name} namespace may be made", f"user.max_{name}_namespaces is 0"
            )


def _seccomp() -> Iterator[Finding]:
    actions = _read("/proc/sys/kernel/seccomp/actions_avail")
    if actions is None:
        yield Finding("warning", "seccomp", "not in this kernel: filters can't be loaded")
    else:
        yield Finding("ok", "seccomp", f"actions: {actions}")


def _images() -> Iterator[Finding]:
    from firkin.oci.snapshots.overlay import Overlay, mount, open_users

    # Mounted nowhere, and gone at once.
    overlay = Overlay(("/etc", "/usr"))
    try:
        os.close(mount(overlay))
        users = open_users(b"0 100000 65536\n", b"0 100000 65536\n")
    except KernelError as error:
        yield Finding("warning", "images", f"{error.message}: containers get copies of their images")
        return
    try:
        os.close(mount(overlay, users))
        yield Finding("ok", "images", "overlays of layers, with the ids of user namespaces")
    except KernelError:
        text = "overlays of layers; user namespaces get copies, as files here can't have their ids mapped"
        yield Finding("note", "images", text, "/usr lies on a file system without idmapped mounts")
    finally:
        os.close(users)


def _checkpoints() -> Iterator[Finding]:
    from firkin.errors import UnsupportedError
    from firkin.runtime.checkpoint.service import find_criu

    try:
        yield Finding("ok", "checkpoints", f"by {find_criu()}; criu check says whether it works with this kernel")
    except UnsupportedError as error:
        yield Finding("note", "checkpoints", error.reason, error.hint)


def _rights() -> Iterator[Finding]:
    status = _read("/proc/self/status") or ""
    line = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    effective = int(line.split()[1], 16)
    if os.geteuid() != 0:
        yield Finding("warning", "rights", "not root: containers need a user namespace and a delegated cgroup")
    elif not effective >> 21 & 1:
        yield Finding("error", "rights", "root without CAP_SYS_ADMIN: no namespace can be made")
    elif not effective >> 24 & 1:
        yield Finding("warning", "rights", "no CAP_SYS_RESOURCE: hard limits and oom_score_adj can't be improved")
    else:
        yield Finding("ok", "rights", "root with the capabilities that matter")


def _speed() -> Iterator[Finding]:
    if _read("/sys/kernel/rcu_expedited") == "0" and _read("/sys/kernel/rcu_normal") == "0":
        hint = "echo 1 > /sys/kernel/rcu_expedited (more interrupts)"
        yield Finding(
            "note", "speed", "grace periods are not expedited: namespaces and mounts go away more slowly", hint
        )
    with open("/proc/self/mountinfo", "rb") as file:
        mounts = file.read().count(b"\n")
    if mounts > 1000:
        yield Finding("note", "speed", f"{mounts} mounts are copied for each container", "unmount what is not needed")
