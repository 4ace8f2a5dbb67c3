"""The Linux section: namespaces, id mappings, devices, paths and kernel settings (config-linux.md)."""

from __future__ import annotations

from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int64, Uint32
    from firkin.oci.runtime_spec.intel_rdt import IntelRdt
    from firkin.oci.runtime_spec.resources import Resources
    from firkin.oci.runtime_spec.seccomp import Seccomp

__all__ = ["Device", "IdMapping", "Linux", "MemoryPolicy", "Namespace", "NetDevice", "Personality", "TimeOffset"]


class Namespace(Record):
    """A namespace to make or, with `path`, to join; `type` is pid, network, mount, ipc, uts, user, cgroup or time."""

    type: str
    path: str = ""


class IdMapping(Record, container_id="containerID", host_id="hostID"):
    """A range of `size` user or group ids."""

    container_id: Uint32
    host_id: Uint32
    size: Uint32


class TimeOffset(Record):
    """The offset of one clock in a time namespace: seconds and nanoseconds, added up."""

    secs: Int64 = 0
    nanosecs: Uint32 = 0


class Device(Record):
    """A device node; `type` is c, b, u (unbuffered c) or p (fifo, which has no numbers)."""

    path: str
    type: str
    major: Int64 | None = None
    minor: Int64 | None = None
    file_mode: Uint32 | None = None
    uid: Uint32 | None = None
    gid: Uint32 | None = None


class NetDevice(Record):
    """A network device moved into the container; `name` is its name there, empty keeps the host's."""

    name: str = ""


class MemoryPolicy(Record):
    """Arguments of set_mempolicy(2); `nodes` is a list like `0-3,7`."""

    mode: str
    nodes: str = ""
    flags: tuple[str, ...] = ()


class Personality(Record):
    """The argument of personality(2): domain LINUX or LINUX32. No flag is defined yet."""

    domain: str
    flags: tuple[str, ...] = ()


class Linux(Record):
    """The `linux` object of a configuration."""

    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
    sysctl: Mapping[str, str] = NOTHING
    resources: Resources | None = None
    cgroups_path: str = ""
    namespaces: tuple[Namespace, ...] = ()
    devices: tuple[Device, ...] = ()
    net_devices: Mapping[str, NetDevice] = NOTHING
    seccomp: Seccomp | None = None
    rootfs_propagation: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    mount_label: str = ""
    intel_rdt: IntelRdt | None = None
    memory_policy: MemoryPolicy | None = None
    personality: Personality | None = None
    time_offsets: Mapping[str, TimeOffset] = NOTHING
