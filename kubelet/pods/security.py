"""Security contexts: what pod and container say together, as CRI is told (pkg/securitycontext)."""

from __future__ import annotations

from dataclasses import dataclass

from firkin.cri.api import container_pb2, security_pb2
from firkin.cri.api.values_pb2 import Int64Value
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.security import (
    AppArmorProfile,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    SELinuxOptions,
)
from firkin.kubelet.pods.identity import pod_text
from firkin.kubelet.pods.restarts import all_containers
from firkin.kubelet.pods.start_error import StartError

__all__ = ["ImageUser", "container_security", "namespaces_of", "sandbox_security", "stop_signal"]

_MASKED = (
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap",
)  # fmt: skip
_READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_PROFILES = {
    "RuntimeDefault": security_pb2.SecurityProfile.RuntimeDefault,
    "Unconfined": security_pb2.SecurityProfile.Unconfined,
    "Localhost": security_pb2.SecurityProfile.Localhost,
}


@dataclass(frozen=True, slots=True)
class ImageUser:
    """The user that an image says: `uid`, or a name, or neither."""

    uid: int | None = None
    name: str = ""


def namespaces_of(
    pod: Pod, user_namespace: security_pb2.UserNamespace | None = None, target: str = ""
) -> security_pb2.NamespaceOption:
    """The namespaces that a pod's containers are in; `target` is the container whose processes are to be seen."""
    spec = pod.spec
    pid = security_pb2.POD if spec.share_process_namespace else security_pb2.CONTAINER
    if target:
        pid = security_pb2.TARGET
    return security_pb2.NamespaceOption(
        network=security_pb2.NODE if spec.host_network else security_pb2.POD,
        ipc=security_pb2.NODE if spec.host_ipc else security_pb2.POD,
        pid=security_pb2.NODE if spec.host_pid else pid,
        target_id=target,
        userns_options=user_namespace,
    )


def sandbox_security(
    pod: Pod, user_namespace: security_pb2.UserNamespace | None, seccomp_root: str
) -> security_pb2.LinuxSandboxSecurityContext:
    """The security context of a pod's sandbox. `seccomp_root` is where the profiles of Localhost are."""
    context = pod.spec.security_context
    made = security_pb2.LinuxSandboxSecurityContext(
        namespace_options=namespaces_of(pod, user_namespace),
        selinux_options=_selinux(context.se_linux_options),
        privileged=any(one.security_context and one.security_context.privileged for one in all_containers(pod)),
        supplemental_groups=_groups(context),
        supplemental_groups_policy=_groups_policy(context),
        seccomp=_seccomp(context.seccomp_profile or SeccompProfile(type="RuntimeDefault"), seccomp_root),
        apparmor=_app_armor(context.app_armor_profile),
    )
    if context.run_as_user is not None:
        made.run_as_user.value = context.run_as_user
    if context.run_as_group is not None and context.run_as_user is not None:
        made.run_as_group.value = context.run_as_group
    return made


def container_security(
    pod: Pod,
    container: Container,
    image_user: ImageUser,
    *,
    user_namespace: security_pb2.UserNamespace | None = None,
    target: str = "",
    seccomp_root: str = "",
) -> security_pb2.LinuxContainerSecurityContext:
    """The security context of a container. Raises StartError if it must not be root, and may be."""
    own, shared = container.security_context or SecurityContext(), pod.spec.security_context
    _check_non_root(pod, container, image_user)
    made = security_pb2.LinuxContainerSecurityContext(
        capabilities=_capabilities(own),
        privileged=bool(own.privileged),
        namespace_options=namespaces_of(pod, user_namespace, target),
        selinux_options=_selinux(own.se_linux_options or shared.se_linux_options),
        readonly_rootfs=bool(own.read_only_root_filesystem),
        supplemental_groups=_groups(shared),
        supplemental_groups_policy=_groups_policy(shared),
        no_new_privs=own.allow_privilege_escalation is False,
        masked_paths=() if own.proc_mount == "Unmasked" else _MASKED,
        readonly_paths=() if own.proc_mount == "Unmasked" else _READONLY,
        seccomp=_seccomp(own.seccomp_profile or shared.seccomp_profile, seccomp_root),
        apparmor=_app_armor(own.app_armor_profile or shared.app_armor_profile),
    )
    _set_user(made, own, shared, image_user)
    return made


def _set_user(
    made: security_pb2.LinuxContainerSecurityContext,
    own: SecurityContext,
    shared: PodSecurityContext,
    image_user: ImageUser,
) -> None:
    user = own.run_as_user if own.run_as_user is not None else shared.run_as_user
    group = own.run_as_group if own.run_as_group is not None else shared.run_as_group
    if user is None and image_user.name:
        made.run_as_username = image_user.name
    elif user is not None or image_user.uid is not None:
        made.run_as_user.CopyFrom(Int64Value(value=image_user.uid if user is None else user))
    if group is not None:
        made.run_as_group.value = group


def _check_non_root(pod: Pod, container: Container, image_user: ImageUser) -> None:
    own, shared = container.security_context or SecurityContext(), pod.spec.security_context
    asked = own.run_as_non_root if own.run_as_non_root is not None else shared.run_as_non_root
    user = own.run_as_user if own.run_as_user is not None else shared.run_as_user
    if not asked or user:
        return
    where = f'(pod: "{pod_text(pod)}", container: {container.name})'
    if user == 0:
        reason = f"container's runAsUser breaks non-root policy {where}"
    elif image_user.name:
        reason = (
            f"container has runAsNonRoot and image has non-numeric user ({image_user.name}), "
            f"cannot verify user is non-root {where}"
        )
    elif not image_user.uid:
        reason = f"container has runAsNonRoot and image will run as root {where}"
    else:
        return
    raise StartError("CreateContainerConfigError", reason)


def _groups(context: PodSecurityContext) -> list[int]:
    return [*([context.fs_group] if context.fs_group is not None else ()), *context.supplemental_groups]


def _groups_policy(context: PodSecurityContext) -> security_pb2.SupplementalGroupsPolicy:
    return security_pb2.Strict if context.supplemental_groups_policy == "Strict" else security_pb2.Merge


def _capabilities(own: SecurityContext) -> security_pb2.Capability | None:
    if own.capabilities is None:
        return None
    return security_pb2.Capability(add_capabilities=own.capabilities.add, drop_capabilities=own.capabilities.drop)


def _selinux(options: SELinuxOptions | None) -> security_pb2.SELinuxOption | None:
    if options is None:
        return None
    return security_pb2.SELinuxOption(user=options.user, role=options.role, type=options.type, level=options.level)


def _seccomp(profile: SeccompProfile | None, root: str) -> security_pb2.SecurityProfile:
    if profile is None:
        return security_pb2.SecurityProfile(profile_type=security_pb2.SecurityProfile.Unconfined)
    reference = f"{root}/{profile.localhost_profile}" if profile.type == "Localhost" else ""
    return security_pb2.SecurityProfile(profile_type=_PROFILES[profile.type], localhost_ref=reference)


def _app_armor(profile: AppArmorProfile | None) -> security_pb2.SecurityProfile | None:
    if profile is None:
        return None
    reference = profile.localhost_profile or ""
    return security_pb2.SecurityProfile(profile_type=_PROFILES[profile.type], localhost_ref=reference)


def stop_signal(container: Container) -> container_pb2.Signal:
    """The signal that asks the container to end, 0 for the image's."""
    name = container.lifecycle.stop_signal if container.lifecycle else None
    found: container_pb2.Signal = container_pb2.Signal.Value(f"SIGNAL_{name or 'RUNTIME_DEFAULT'}")  # type: ignore[assignment]
    return found
