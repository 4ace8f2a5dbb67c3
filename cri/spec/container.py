"""The runtime configuration of a container, put together."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from firkin.cri.api.security_pb2 import SecurityProfile
from firkin.cri.spec.cgroups import slice_of
from firkin.cri.spec.devices import devices_of, granted_devices
from firkin.cri.spec.inputs import Inputs, invalid
from firkin.cri.spec.labels import LOCALHOST, apparmor_of, selinux_of
from firkin.cri.spec.mounts import mounts_of, rootfs_propagation_of
from firkin.cri.spec.namespaces import namespaces_of
from firkin.cri.spec.process import process_of
from firkin.cri.spec.resources import resources_of
from firkin.oci.default_seccomp import default_seccomp
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Config, Linux, Process, Root, Seccomp

__all__ = ["cgroups_path_of", "configuration_of"]

_PLACE = "config.linux.security_context"
_ANNOTATION = "io.kubernetes.cri."
_UNCONFINED, _DEFAULT = "unconfined", "runtime/default"


def configuration_of(inputs: Inputs) -> Config:
    """The configuration. Raises ConfigError with the place in the request that is wrong."""
    context = inputs.container.linux.security_context
    granted = [(node, access) for node, _, access in granted_devices(inputs)]
    linux: dict[str, Any] = {
        "namespaces": namespaces_of(inputs),
        "devices": devices_of(inputs),
        "resources": resources_of(inputs.container.linux.resources, granted, all_devices=context.privileged),
        "cgroups_path": cgroups_path_of(inputs),
        "rootfs_propagation": rootfs_propagation_of(inputs),
    }
    if not context.privileged:
        linux["masked_paths"] = tuple(context.masked_paths)
        linux["readonly_paths"] = tuple(context.readonly_paths)
    profile, (label, linux["mount_label"]) = apparmor_of(inputs), selinux_of(inputs)
    labels = {"apparmor_profile": profile, "selinux_label": label}
    process = replace(process_of(inputs), **{name: value for name, value in labels.items() if value})
    if (seccomp := _seccomp(inputs, process)) is not None:
        linux["seccomp"] = seccomp
    return Config(
        oci_version="1.3.0",
        process=process,
        root=Root(path=inputs.rootfs, readonly=context.readonly_rootfs),
        mounts=mounts_of(inputs),
        annotations=_annotations(inputs),
        linux=Linux(**{name: value for name, value in linux.items() if value}),
    )


def cgroups_path_of(inputs: Inputs) -> str:
    """Where the container's cgroup is, in the form of the cgroup driver. Raises ConfigError for a bad parent."""
    parent = inputs.pod.linux.cgroup_parent
    if any(part in (".", "..") for part in parent.split("/")):
        raise invalid("sandbox_config.linux.cgroup_parent", f"{parent!r} leads out of the hierarchy")
    if not inputs.host.systemd:
        return f"/{parent.strip('/') or 'firkin'}/{inputs.id}"
    slice_name = slice_of(parent)
    if not slice_name.endswith(".slice"):
        reason = f"{parent!r} does not end with the name of a slice"
        raise invalid("sandbox_config.linux.cgroup_parent", reason, hint="the kubelet's cgroupDriver is systemd here")
    return f"{slice_name}:firkin:{inputs.id}"


def _annotations(inputs: Inputs) -> dict[str, str]:
    pod, container = inputs.pod.metadata, inputs.container
    return {
        **container.annotations,
        f"{_ANNOTATION}container-type": "container",
        f"{_ANNOTATION}container-name": container.metadata.name,
        f"{_ANNOTATION}sandbox-name": pod.name,
        f"{_ANNOTATION}sandbox-namespace": pod.namespace,
        f"{_ANNOTATION}sandbox-uid": pod.uid,
    }


def _seccomp(inputs: Inputs, process: Process) -> Seccomp | None:
    context = inputs.container.linux.security_context
    kind, path = _seccomp_choice(inputs)
    if context.privileged or kind == _UNCONFINED:
        return None
    if kind == LOCALHOST:
        found = inputs.seccomp_profiles.get(path)
        if found is None:
            raise invalid(f"{_PLACE}.seccomp.localhost_ref", f"{path!r} is not a profile that can be read")
        return found
    if not inputs.host.seccomp:
        raise invalid(f"{_PLACE}.seccomp", "is RuntimeDefault, and the kernel has no seccomp filters")
    granted = process.capabilities.bounding if process.capabilities else ()
    return _default_seccomp(granted, inputs.host.machine)


@lru_cache(maxsize=16)
def _default_seccomp(granted: tuple[str, ...], machine: str) -> Seccomp:
    # Few sets of capabilities are in use, and with each go hundreds of names.
    return default_seccomp(granted, machine)


def _seccomp_choice(inputs: Inputs) -> tuple[str, str]:
    context = inputs.container.linux.security_context
    if context.HasField("seccomp"):
        profile = context.seccomp
        if profile.profile_type == SecurityProfile.Localhost:
            return LOCALHOST, profile.localhost_ref
        return (_DEFAULT if profile.profile_type == SecurityProfile.RuntimeDefault else _UNCONFINED), ""
    text = context.seccomp_profile_path
    if text.startswith(LOCALHOST):
        return LOCALHOST, text.removeprefix(LOCALHOST)
    if text in ("", _UNCONFINED):
        return _UNCONFINED, ""
    if text in (_DEFAULT, "docker/default"):
        return _DEFAULT, ""
    raise invalid(f"{_PLACE}.seccomp_profile_path", f"{text!r} is not a profile")
