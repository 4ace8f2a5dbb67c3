"""The features document: what a runtime can do, for the engines above it (features.md, features-linux.md).

A list or flag that is left out means "not known", an empty list or False means "not supported".
"""

from __future__ import annotations

from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CgroupFeatures",
    "Feature",
    "Features",
    "IntelRdtFeatures",
    "LinuxFeatures",
    "MemoryPolicyFeatures",
    "MountExtensions",
    "SeccompFeatures",
]


class Feature(Record):
    """A feature that is there or not; `enabled` is about the runtime, not about the host."""

    enabled: bool | None = None


class CgroupFeatures(Record):
    """Which cgroup versions, drivers and controllers the runtime handles."""

    v1: bool | None = None
    v2: bool | None = None
    systemd: bool | None = None
    systemd_user: bool | None = None
    rdma: bool | None = None


class SeccompFeatures(Record):
    """The names a seccomp section may use; `supported_flags` are the known ones that this kernel takes."""

    enabled: bool | None = None
    actions: tuple[str, ...] | None = None
    operators: tuple[str, ...] | None = None
    archs: tuple[str, ...] | None = None
    known_flags: tuple[str, ...] | None = None
    supported_flags: tuple[str, ...] | None = None


class IntelRdtFeatures(Record):
    """Whether resctrl, its `schemata` field and its monitoring are handled."""

    enabled: bool | None = None
    schemata: bool | None = None
    monitoring: bool | None = None


class MemoryPolicyFeatures(Record):
    """The modes and flags a memory policy may use."""

    modes: tuple[str, ...] | None = None
    flags: tuple[str, ...] | None = None


class MountExtensions(Record):
    """Extensions of mounts."""

    idmap: Feature | None = None


class LinuxFeatures(Record):
    """The Linux part."""

    namespaces: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] | None = None
    cgroup: CgroupFeatures | None = None
    seccomp: SeccompFeatures | None = None
    apparmor: Feature | None = None
    selinux: Feature | None = None
    intel_rdt: IntelRdtFeatures | None = None
    memory_policy: MemoryPolicyFeatures | None = None
    mount_extensions: MountExtensions | None = None
    net_devices: Feature | None = None


class Features(Record):
    """The whole document; `encode` makes its JSON object.

    An entry of `potentially_unsafe_config_annotations` that ends with a dot stands for all keys that start with it.
    """

    oci_version_min: str
    oci_version_max: str
    hooks: tuple[str, ...] | None = None
    mount_options: tuple[str, ...] | None = None
    linux: LinuxFeatures | None = None
    annotations: Mapping[str, str] = NOTHING
    potentially_unsafe_config_annotations: tuple[str, ...] | None = None
