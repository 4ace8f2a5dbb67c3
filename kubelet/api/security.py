"""Security contexts of pods and containers (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.struct import Object

__all__ = [
    "AppArmorProfile",
    "Capabilities",
    "PodSecurityContext",
    "SELinuxOptions",
    "SeccompProfile",
    "SecurityContext",
    "Sysctl",
]


class Capabilities(Object, frozen=True):
    """Capabilities to add and to drop, without CAP_; ALL is all of them."""

    add: list[str] = []
    drop: list[str] = []


class SELinuxOptions(Object, frozen=True):
    """The parts of an SELinux label."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class SeccompProfile(Object, frozen=True):
    """`type` is Unconfined, RuntimeDefault or Localhost, which has the file in `localhost_profile`."""

    type: str
    localhost_profile: str | None = None


class AppArmorProfile(Object, frozen=True):
    """`type` is Unconfined, RuntimeDefault or Localhost, which has the name in `localhost_profile`."""

    type: str
    localhost_profile: str | None = None


class SecurityContext(Object, frozen=True):
    """What a container may; what it says goes before what its pod says."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    se_linux_options: SELinuxOptions | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None


class Sysctl(Object, frozen=True):
    """A kernel parameter of the pod's namespaces."""

    name: str
    value: str


class PodSecurityContext(Object, frozen=True):
    """What all containers of a pod have in common."""

    se_linux_options: SELinuxOptions | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: list[int] = []
    supplemental_groups_policy: str | None = None
    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    sysctls: list[Sysctl] = []
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    se_linux_change_policy: str | None = None
