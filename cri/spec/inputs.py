"""What the configuration of a container is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firkin.cri.api.container_pb2 import ContainerConfig
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.oci.image.config import ProcessConfig
from firkin.oci.runtime_spec import IdMapping, Seccomp

__all__ = ["DOCUMENT", "HostDevice", "HostFacts", "ImageMount", "Inputs", "PodFiles", "invalid"]

DOCUMENT = "CreateContainerRequest"
"""What errors call the request."""


@dataclass(frozen=True, slots=True)
class PodFiles:
    """The files that the server keeps for a pod, by path on the host; "" for what it has none of."""

    hostname: str = ""
    hosts: str = ""
    resolv_conf: str = ""
    shm: str = ""


@dataclass(frozen=True, slots=True)
class HostDevice:
    """A device node of the host: `kind` is b or c, `mode` its permissions."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class ImageMount:
    """An image that is mounted: the directory that holds its content, ready to be bound."""

    source: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What this host allows.

    `capabilities` are the names of those that can be granted, `lowest_oom_score_adj` is what the server may set at the
    least. `devices` are the nodes that a privileged container gets. `machine` is that of uname(2); `seccomp` and
    `apparmor` say whether the kernel has them, `systemd` that systemd makes the cgroups, and `systemd_root`
    where its own cgroup lies, "" for the root of the hierarchy. `apparmor_default` is the
    profile of who names none, "" if there is none; `selinux_process` and `selinux_file` are the labels that the policy
    has for containers, "" where SELinux is not in force.
    """

    capabilities: tuple[str, ...]
    lowest_oom_score_adj: int = -1000
    devices: tuple[HostDevice, ...] = ()
    machine: str = ""
    seccomp: bool = True
    apparmor: bool = False
    systemd: bool = False
    systemd_root: str = ""
    apparmor_default: str = ""
    selinux_process: str = ""
    selinux_file: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """One container.

    `namespaces` maps types to the paths of the pod's. `target_pid` is the process whose pid namespace is joined, 0 for
    none. `passwd` and `group` are the texts of the image's files. `host_devices` maps the host paths of devices that
    the request names to what was found there. `volumes` are directories by the container's path that the image
    wants to be apart from its layers. `image_mounts` are by container path. `seccomp_profiles` are the
    documents that the request names, by path. `apparmor_profiles` are those that the kernel has, None if it does not
    tell. `uid_mappings`, `gid_mappings` are those of the pod's user namespace.
    """

    id: str
    container: ContainerConfig
    pod: PodSandboxConfig
    image: ProcessConfig
    host: HostFacts
    rootfs: str
    files: PodFiles = PodFiles()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    target_pid: int = 0
    passwd: str = ""
    group: str = ""
    volumes: Mapping[str, str] = field(default_factory=dict)
    host_devices: Mapping[str, tuple[HostDevice, ...]] = field(default_factory=dict)
    image_mounts: Mapping[str, ImageMount] = field(default_factory=dict)
    seccomp_profiles: Mapping[str, Seccomp] = field(default_factory=dict)
    apparmor_profiles: frozenset[str] | None = None
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()


def invalid(path: str, reason: str, *, hint: str = "") -> Exception:
    """The error for what is wrong at `path` of the request."""
    from firkin.errors import ConfigError

    return ConfigError(path, reason, document=DOCUMENT, hint=hint)
