"""Pods, and what of one may change."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence

import msgspec

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod, PodDNSConfig, PodSpec, PodTemplateSpec
from firkin.kubelet.objects.validation import (
    affinity,
    containers,
    metadata,
    names,
    numbers,
    resizes,
    security,
    volumes,
)
from firkin.kubelet.objects.validation.fault import Faults, duplicate, forbidden, invalid, join, one_of, required

__all__ = ["pod", "pod_change", "spec", "template"]

_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")


def pod(value: Pod) -> Faults:
    """A pod."""
    yield from metadata.metadata(value.metadata, namespaced=True)
    yield from spec("spec", value.spec)


def template(path: str, value: PodTemplateSpec) -> Faults:
    """What the pods of a workload are like."""
    yield from metadata.template_metadata(join(path, "metadata"), value.metadata)
    yield from spec(join(path, "spec"), value.spec)


def spec(path: str, value: PodSpec) -> Faults:
    """What is wanted of a pod."""
    if not value.containers:
        yield required(join(path, "containers"))
    yield from volumes.volumes(join(path, "volumes"), value.volumes)
    yield from _containers(path, value)
    yield from one_of(join(path, "restartPolicy"), value.restart_policy, ("Always", "OnFailure", "Never"))
    yield from one_of(join(path, "dnsPolicy"), value.dns_policy, _DNS_POLICIES)
    yield from _dns(join(path, "dnsConfig"), value.dns_config, value.dns_policy)
    yield from numbers.at_least(join(path, "terminationGracePeriodSeconds"), value.termination_grace_period_seconds)
    deadline = value.active_deadline_seconds
    yield from numbers.between(join(path, "activeDeadlineSeconds"), deadline, 1, (1 << 31) - 1)
    yield from _identity(path, value)
    yield from affinity.affinity(join(path, "affinity"), value.affinity)
    context = value.security_context
    yield from security.pod_security(
        join(path, "securityContext"),
        context,
        host_users=value.host_users,
        host_ipc=value.host_ipc,
        on_host=value.host_network,
    )
    if value.host_pid and value.share_process_namespace:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(join(path, "shareProcessNamespace"), value.share_process_namespace, detail)
    if value.host_users is False and (value.host_pid or value.host_ipc):
        name = "hostPID" if value.host_pid else "hostIPC"
        yield forbidden(join(path, name), "when `hostUsers` is false")
    if value.resources is not None:
        yield from numbers.resources(join(path, "resources"), value.resources)


def pod_change(before: Pod, after: Pod) -> Faults:
    """What may change of a pod: images, its deadline, tolerations, and containers to look into it."""
    one, other = before.spec, after.spec
    if len(one.containers) != len(other.containers) or len(one.init_containers) != len(other.init_containers):
        yield forbidden("spec", "pod updates may not add or remove containers")
        return
    deadlines = (one.active_deadline_seconds, other.active_deadline_seconds)
    if deadlines[0] is not None and (deadlines[1] is None or deadlines[1] > deadlines[0]):
        detail = f"must be less than or equal to previous value {deadlines[0]}"
        yield invalid("spec.activeDeadlineSeconds", deadlines[1], detail)
    allowed = msgspec.structs.replace(
        one,
        containers=_with_images(one.containers, other.containers),
        init_containers=_with_images(one.init_containers, other.init_containers),
        active_deadline_seconds=other.active_deadline_seconds,
        tolerations=other.tolerations,
        ephemeral_containers=other.ephemeral_containers,
        termination_grace_period_seconds=other.termination_grace_period_seconds
        if one.termination_grace_period_seconds < 0
        else one.termination_grace_period_seconds,
    )
    if allowed != other:
        detail = (
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        yield forbidden("spec", detail)


def _with_images(before: Sequence[Container], after: Sequence[Container]) -> list[Container]:
    pairs = zip(before, after, strict=True)
    return [msgspec.structs.replace(one, image=other.image) for one, other in pairs]


def _containers(path: str, value: PodSpec) -> Faults:
    known = [volume.name for volume in value.volumes]
    has_os = value.os is not None
    yield from containers.containers(
        join(path, "initContainers"), value.init_containers, known, init=True, has_os=has_os
    )
    yield from containers.containers(join(path, "containers"), value.containers, known, init=False, has_os=has_os)
    yield from containers.ephemeral(join(path, "ephemeralContainers"), value.ephemeral_containers, known)
    yield from containers.host_ports(join(path, "containers"), value.containers)
    seen: set[str] = set()
    everything = itertools.chain(
        ((f"initContainers[{number}]", one) for number, one in enumerate(value.init_containers)),
        ((f"containers[{number}]", one) for number, one in enumerate(value.containers)),
        ((f"ephemeralContainers[{number}]", one) for number, one in enumerate(value.ephemeral_containers)),
    )
    never = value.restart_policy == "Never"
    for place, container in everything:
        yield from resizes.policies(f"{path}.{place}.resizePolicy", container.resize_policy, never_restarts=never)
        if container.name and container.name in seen:
            yield duplicate(f"{path}.{place}.name", container.name)
        seen.add(container.name)
        policy = container.security_context
        if policy is not None and policy.proc_mount == "Unmasked" and value.host_users is not False:
            detail = "`hostUsers` must be false to use `Unmasked`"
            yield invalid(f"{path}.{place}.securityContext.procMount", "Unmasked", detail)


def _identity(path: str, value: PodSpec) -> Faults:
    for field, name in (("hostname", value.hostname), ("subdomain", value.subdomain)):
        if name:
            yield from names.label_name(join(path, field), name)
    if value.node_name:
        yield from names.subdomain(join(path, "nodeName"), value.node_name)
    for number, alias in enumerate(value.host_aliases):
        place = f"{path}.hostAliases[{number}]"
        yield from _address(join(place, "ip"), alias.ip)
        for position, name in enumerate(alias.hostnames):
            yield from names.subdomain(f"{place}.hostnames[{position}]", name)


def _dns(path: str, value: PodDNSConfig | None, policy: str) -> Faults:
    if policy == "None" and (value is None or not value.nameservers):
        yield required(join(path, "nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")
    if value is None:
        return
    if len(value.nameservers) > 3:
        yield invalid(join(path, "nameservers"), value.nameservers, "must not have more than 3 nameservers")
    for number, server in enumerate(value.nameservers):
        yield from _address(f"{path}.nameservers[{number}]", server)
    if len(value.searches) > 32:
        yield invalid(join(path, "searches"), value.searches, "must not have more than 32 search paths")
    if sum(map(len, value.searches)) + len(value.searches) - 1 > 2048:
        yield invalid(
            join(path, "searches"),
            value.searches,
            "must not have more than 2048 characters (including spaces) in the search list",
        )
    for number, option in enumerate(value.options):
        if not option.name:
            yield required(f"{path}.options[{number}]", "must not be empty")


def _address(path: str, text: str) -> Faults:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        yield invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
