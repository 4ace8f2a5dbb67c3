"""All the rules of a kind, by its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from firkin.errors import FirkinError
from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.node import Node
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job, ReplicaSet
from firkin.kubelet.objects.kinds import T, kind_of
from firkin.kubelet.objects.validation import metadata, names, pods, resizes, workloads
from firkin.kubelet.objects.validation.fault import Fault, Faults, duplicate, forbidden, required, too_long

__all__ = ["InvalidError", "check", "check_change", "check_resize"]

_MOST_DATA = 1 << 20
_TYPED_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


class InvalidError(FirkinError):
    """An object breaks rules: `faults` are all of them. Its text is that of Kubernetes."""

    def __init__(self, item: Resource, faults: list[Fault]) -> None:
        self.faults = faults
        self.kind = kind_of(type(item))
        self.name = item.metadata.name
        text = str(faults[0]) if len(faults) == 1 else f"[{', '.join(map(str, faults))}]"
        kind = f"{self.kind.name}.{self.kind.group}" if self.kind.group else self.kind.name
        super().__init__(f'{kind} "{item.metadata.name or item.metadata.generate_name}" is invalid: {text}')


def check(item: Resource) -> None:
    """Raise InvalidError if an object, which has its defaults, is not allowed."""
    faults = list(_RULES[type(item)](item))
    if faults:
        raise InvalidError(item, faults)


def check_change(before: T, after: T) -> None:
    """Raise InvalidError if an object is not allowed, or may not become so."""
    faults = list(_RULES[type(after)](after))
    rule = _CHANGES.get(type(after))
    if rule is not None and not faults:
        faults += rule(before, after)
    if faults:
        raise InvalidError(after, faults)


def check_resize(before: Pod, after: Pod) -> None:
    """Raise InvalidError if a pod is not allowed, or may not become so by a resize."""
    faults = list(pods.pod(after)) or list(resizes.resize(before, after))
    if faults:
        raise InvalidError(after, faults)


def _config_map(value: ConfigMap) -> Faults:
    yield from metadata.metadata(value.metadata, namespaced=True)
    for field, keys in (("data", value.data), ("binaryData", value.binary_data)):
        for key in keys:
            yield from names.config_key(f"{field}[{key}]", key)
    for key in value.data.keys() & value.binary_data.keys():
        yield duplicate(f"data[{key}]", key)
    size = sum(len(text.encode()) for text in value.data.values()) + sum(map(len, value.binary_data.values()))
    if size > _MOST_DATA:
        yield too_long("data", _MOST_DATA)


def _secret(value: Secret) -> Faults:
    yield from metadata.metadata(value.metadata, namespaced=True)
    for key in value.data:
        yield from names.config_key(f"data[{key}]", key)
    if sum(map(len, value.data.values())) > _MOST_DATA:
        yield too_long("data", _MOST_DATA)
    for key in _TYPED_KEYS.get(value.type, ()):
        if key not in value.data:
            yield required(f"data[{key}]")


def _node(value: Node) -> Faults:
    yield from metadata.metadata(value.metadata, namespaced=False)


def _event(value: Event) -> Faults:
    yield from metadata.metadata(value.metadata, namespaced=True)


def _fixed_data(before: ConfigMap | Secret, after: ConfigMap | Secret) -> Faults:
    if before.immutable:
        if not after.immutable:
            yield forbidden("immutable", "field is immutable when `immutable` is set")
        if before.data != after.data or getattr(before, "binary_data", None) != getattr(after, "binary_data", None):
            yield forbidden("data", "field is immutable when `immutable` is set")
    if isinstance(before, Secret) and isinstance(after, Secret) and before.type != after.type:
        yield forbidden("type", "field is immutable")


_RULES: dict[type[msgspec.Struct], Callable[[Any], Faults]] = {
    Pod: pods.pod,
    ConfigMap: _config_map,
    Secret: _secret,
    Event: _event,
    Node: _node,
    Deployment: workloads.deployment,
    ReplicaSet: workloads.replica_set,
    DaemonSet: workloads.daemon_set,
    Job: workloads.job,
    CronJob: workloads.cron_job,
}
_CHANGES: dict[type[msgspec.Struct], Callable[[Any, Any], Faults]] = {
    Pod: pods.pod_change,
    ConfigMap: _fixed_data,
    Secret: _fixed_data,
    Deployment: workloads.selector_change,
    ReplicaSet: workloads.selector_change,
    DaemonSet: workloads.selector_change,
    Job: workloads.job_change,
}
