"""The sandbox of a pod, as CRI is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from firkin.cri.api import pod_pb2
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.cri.api.security_pb2 import UserNamespace
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.identity import pod_labels
from firkin.kubelet.pods.restarts import is_sidecar
from firkin.kubelet.pods.security import sandbox_security
from firkin.kubelet.pods.start_error import StartError

__all__ = ["SandboxSetting", "hostname_of", "log_directory", "sandbox_config"]

_LONGEST_NAME = 63
_LONGEST_FQDN = 64
_PROTOCOLS = {"TCP": pod_pb2.TCP, "UDP": pod_pb2.UDP, "SCTP": pod_pb2.SCTP}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSetting:
    """What a sandbox depends on beside its pod: `logs` has a directory for each pod, `dns` is the resolver's."""

    logs: str
    seccomp_root: str = ""
    cgroup_parent: str = ""
    cluster_domain: str = ""
    dns: pod_pb2.DNSConfig = field(default_factory=pod_pb2.DNSConfig)
    user_namespace: UserNamespace | None = None
    resources: LinuxContainerResources | None = None
    overhead: LinuxContainerResources | None = None


def log_directory(logs: str, namespace: str, name: str, uid: str) -> str:
    """The directory of a pod's logs below `logs`."""
    return f"{logs}/{namespace}_{name}_{uid}"


def hostname_of(pod: Pod, cluster_domain: str) -> tuple[str, str]:
    """The name of the pod's host, and its domain or "". Raises StartError if what is asked for is too long."""
    if pod.spec.hostname_override:
        return pod.spec.hostname_override, ""
    name = pod.spec.hostname or pod.metadata.name[:_LONGEST_NAME].rstrip("-.")
    domain = ""
    if pod.spec.subdomain:
        domain = ".".join(part for part in (pod.spec.subdomain, pod.metadata.namespace, "svc", cluster_domain) if part)
    if not (pod.spec.set_hostname_as_fqdn and domain):
        return name, domain
    full = f"{name}.{domain}"
    if len(full) > _LONGEST_FQDN:
        message = (
            f"Failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({_LONGEST_FQDN} characters is the max, {len(full)} characters requested)"
        )
        raise StartError("FailedCreatePodSandBox", message)
    return full, domain


def sandbox_config(pod: Pod, attempt: int, setting: SandboxSetting) -> pod_pb2.PodSandboxConfig:
    """The configuration of a pod's sandbox number `attempt`. Raises StartError."""
    metadata, spec = pod.metadata, pod.spec
    return pod_pb2.PodSandboxConfig(
        metadata=pod_pb2.PodSandboxMetadata(
            name=metadata.name, uid=metadata.uid, namespace=metadata.namespace, attempt=attempt
        ),
        hostname="" if spec.host_network else hostname_of(pod, setting.cluster_domain)[0],
        log_directory=log_directory(setting.logs, metadata.namespace, metadata.name, metadata.uid),
        dns_config=setting.dns,
        port_mappings=list(_ports(pod)),
        labels=pod_labels(pod),
        annotations=metadata.annotations,
        linux=pod_pb2.LinuxPodSandboxConfig(
            cgroup_parent=setting.cgroup_parent,
            security_context=sandbox_security(pod, setting.user_namespace, setting.seccomp_root),
            # Both forms of the name are allowed in a pod, one in the kernel's interface.
            sysctls={one.name.replace("/", "."): one.value for one in spec.security_context.sysctls},
            resources=setting.resources,
            overhead=setting.overhead,
        ),
    )


def _ports(pod: Pod) -> Iterator[pod_pb2.PortMapping]:
    if pod.spec.host_network:
        return
    containers = [*(one for one in pod.spec.init_containers if is_sidecar(one)), *pod.spec.containers]
    for port in (port for container in containers for port in container.ports):
        yield pod_pb2.PortMapping(
            protocol=_PROTOCOLS[port.protocol or "TCP"],
            container_port=port.container_port,
            host_port=port.host_port,
            host_ip=port.host_ip,
        )
