"""Security contexts."""

from __future__ import annotations

import re

from firkin.kubelet.api.security import AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext
from firkin.kubelet.objects.validation.fault import Faults, duplicate, forbidden, invalid, join, one_of, required

__all__ = ["container_security", "pod_security"]

_MOST_ID = (1 << 31) - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"


def pod_security(
    path: str, value: PodSecurityContext, *, host_users: bool | None, host_ipc: bool, on_host: bool
) -> Faults:
    """The security context of a pod."""
    for field, number in (
        ("runAsUser", value.run_as_user),
        ("runAsGroup", value.run_as_group),
        ("fsGroup", value.fs_group),
    ):
        yield from _id(join(path, field), number, host_users=host_users)
    for position, number in enumerate(value.supplemental_groups):
        yield from _id(f"{path}.supplementalGroups[{position}]", number, host_users=host_users)
    yield from one_of(join(path, "supplementalGroupsPolicy"), value.supplemental_groups_policy, ("Merge", "Strict"))
    yield from one_of(join(path, "fsGroupChangePolicy"), value.fs_group_change_policy, ("Always", "OnRootMismatch"))
    yield from one_of(join(path, "seLinuxChangePolicy"), value.se_linux_change_policy, ("MountOption", "Recursive"))
    yield from _profiles(path, value.seccomp_profile, value.app_armor_profile)
    seen: set[str] = set()
    for position, sysctl in enumerate(value.sysctls):
        place = f"{path}.sysctls[{position}].name"
        name = sysctl.name.replace("/", ".")
        if not name:
            yield required(place)
        elif len(name) > 253 or not re.fullmatch(_SYSCTL, sysctl.name):
            yield invalid(place, sysctl.name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
        elif name in seen:
            yield duplicate(place, sysctl.name)
        elif host_ipc and name.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")):
            yield invalid(place, sysctl.name, "may not be specified when 'hostIPC' is set to true")
        elif on_host and name.startswith("net."):
            yield invalid(place, sysctl.name, "may not be specified when 'hostNetwork' is set to true")
        seen.add(name)


def container_security(path: str, value: SecurityContext) -> Faults:
    """The security context of a container."""
    for field, number in (("runAsUser", value.run_as_user), ("runAsGroup", value.run_as_group)):
        yield from _id(join(path, field), number, host_users=None)
    yield from one_of(join(path, "procMount"), value.proc_mount, ("Default", "Unmasked"))
    yield from _profiles(path, value.seccomp_profile, value.app_armor_profile)
    if value.allow_privilege_escalation is False:
        if value.privileged:
            yield invalid(path, "privileged", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
        if value.capabilities is not None and {"SYS_ADMIN", "CAP_SYS_ADMIN"} & set(value.capabilities.add):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield invalid(path, "capabilities", detail)


def _id(path: str, value: int | None, *, host_users: bool | None) -> Faults:
    if value is None:
        return
    if not 0 <= value <= _MOST_ID:
        yield invalid(path, value, f"must be between 0 and {_MOST_ID}, inclusive")
    elif host_users is False and value > 65535:
        yield invalid(path, value, "must be between 0 and 65535, inclusive, in a user namespace")


def _profiles(path: str, seccomp: SeccompProfile | None, app_armor: AppArmorProfile | None) -> Faults:
    for field, profile in (("seccompProfile", seccomp), ("appArmorProfile", app_armor)):
        if profile is None:
            continue
        place = f"{path}.{field}"
        yield from one_of(join(place, "type"), profile.type, _PROFILES, optional=False)
        name = profile.localhost_profile
        if profile.type == "Localhost" and not name:
            yield required(
                join(place, "localhostProfile"),
                f"must be set when {'seccomp' if field[0] == 's' else 'AppArmor'} type is Localhost",
            )
        elif profile.type != "Localhost" and name is not None:
            yield invalid(join(place, "localhostProfile"), name, "can only be set when type is Localhost")
        elif field == "seccompProfile" and name and (name.startswith("/") or ".." in name.split("/")):
            yield forbidden(join(place, "localhostProfile"), "must be a relative path without '..'")
