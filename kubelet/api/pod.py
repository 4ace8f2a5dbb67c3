"""Pods (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.affinity import Affinity
from firkin.kubelet.api.container import Container, EphemeralContainer, ResourceRequirements
from firkin.kubelet.api.meta import LocalObjectReference, ObjectMeta, Resource
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.api.security import PodSecurityContext
from firkin.kubelet.api.struct import Object, always
from firkin.kubelet.api.volume import Volume

__all__ = ["HostAlias", "Pod", "PodDNSConfig", "PodDNSConfigOption", "PodOS", "PodReadinessGate", "PodSpec",
           "PodTemplateSpec", "Toleration"]  # fmt: skip


class HostAlias(Object, frozen=True):
    """A line of /etc/hosts."""

    ip: str
    hostnames: list[str] = []


class PodDNSConfigOption(Object, frozen=True):
    """An option of resolv.conf."""

    name: str
    value: str | None = None


class PodDNSConfig(Object, frozen=True):
    """What is added to, or with dnsPolicy None makes up, resolv.conf."""

    nameservers: list[str] = []
    searches: list[str] = []
    options: list[PodDNSConfigOption] = []


class PodReadinessGate(Object, frozen=True):
    """A condition, set by somebody else, without which the pod is not ready."""

    condition_type: str


class PodOS(Object, frozen=True):
    """The operating system that the pod is for."""

    name: str


class Toleration(Object, frozen=True):
    """A taint of the node that the pod puts up with."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class PodSpec(Object, frozen=True):
    """What is wanted. Fields that only a scheduler reads are kept where they are simple, and have no effect here."""

    containers: list[Container] = []
    init_containers: list[Container] = []
    ephemeral_containers: list[EphemeralContainer] = []
    volumes: list[Volume] = []
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    dns_policy: str = "ClusterFirst"
    dns_config: PodDNSConfig | None = None
    node_name: str = ""
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool | None = None
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    host_users: bool | None = None
    share_process_namespace: bool | None = None
    security_context: PodSecurityContext = PodSecurityContext()
    image_pull_secrets: list[LocalObjectReference] = []
    hostname: str = ""
    subdomain: str = ""
    hostname_override: str | None = None
    set_hostname_as_fqdn: bool | None = None
    host_aliases: list[HostAlias] = []
    priority: int | None = None
    priority_class_name: str = ""
    preemption_policy: str | None = None
    readiness_gates: list[PodReadinessGate] = []
    runtime_class_name: str | None = None
    enable_service_links: bool | None = None
    overhead: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    scheduler_name: str = ""
    tolerations: list[Toleration] = []
    os: PodOS | None = None


class Pod(Resource, frozen=True):
    """A pod: what is wanted and what is."""

    api_version: str = always("v1")
    kind: str = always("Pod")
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class PodTemplateSpec(Object, frozen=True):
    """What the pods of a workload are like."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
