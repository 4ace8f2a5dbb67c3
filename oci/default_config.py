"""The configuration that `firkin spec` writes: a shell in a read-only root, with few rights."""

from __future__ import annotations

__all__ = ["default_config"]

_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
)
_READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def default_config(
    *, rootless: bool = False, cgroup_namespace: bool = False, host_uid: int = 0, host_gid: int = 0
) -> dict[str, object]:
    """A new `config.json` as a JSON object, complete but for the root filesystem.

    Parameters: `rootless` adds a user namespace in which root is `host_uid`:`host_gid` of the host, and drops what
    such a container may not have (a network, devices rules, a sysfs of its own); `cgroup_namespace` gives the
    container its own view of the cgroup tree, which needs cgroup v2.
    """
    return {
        "ociVersion": "1.3.0",
        "process": _process(),
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "firkin",
        "mounts": _mounts(rootless=rootless),
        "linux": {
            **(_id_mappings(host_uid, host_gid) if rootless else _resources()),
            "namespaces": _namespaces(rootless=rootless, cgroup_namespace=cgroup_namespace),
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READONLY),
        },
    }


def _process() -> dict[str, object]:
    return {
        "terminal": True,
        "user": {"uid": 0, "gid": 0},
        "args": ["sh"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {name: list(_CAPABILITIES) for name in ("bounding", "effective", "permitted", "ambient")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    }


def _mounts(*, rootless: bool) -> list[dict[str, object]]:
    # One unprivileged user maps one group, so gid=5 (tty) would be refused; and a sysfs can only be mounted by the
    # owner of the network namespace.
    tty = () if rootless else ("gid=5",)
    sysfs = ("none", "/sys", "rbind") if rootless else ("sysfs", "sysfs")
    return [
        _mount("/proc", "proc", "proc"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *tty),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/sys", *sysfs, "nosuid", "noexec", "nodev", "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
    ]


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, object]:
    mount: dict[str, object] = {"destination": destination, "type": kind, "source": source}
    return {**mount, "options": list(options)} if options else mount


def _namespaces(*, rootless: bool, cgroup_namespace: bool) -> list[dict[str, str]]:
    kinds = ["pid", "ipc", "uts", "mount", "user" if rootless else "network"]
    if cgroup_namespace:
        kinds.append("cgroup")
    return [{"type": kind} for kind in kinds]


def _resources() -> dict[str, object]:
    return {"resources": {"devices": [{"allow": False, "access": "rwm"}]}}


def _id_mappings(host_uid: int, host_gid: int) -> dict[str, object]:
    return {
        "uidMappings": [{"containerID": 0, "hostID": host_uid, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": host_gid, "size": 1}],
    }
