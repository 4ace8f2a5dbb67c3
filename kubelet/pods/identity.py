"""How sandboxes and containers are told apart in the runtime: the labels and annotations of the kubelet."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod

__all__ = [
    "CONTAINER_NAME",
    "HASH",
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_UID",
    "RESTART_COUNT",
    "TERMINATION_GRACE",
    "TERMINATION_PATH",
    "TERMINATION_POLICY",
    "container_annotations",
    "container_hash",
    "container_labels",
    "pod_labels",
    "pod_text",
]

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"

HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
TERMINATION_GRACE = "io.kubernetes.pod.terminationGracePeriod"
_DELETION_GRACE = "io.kubernetes.pod.deletionGracePeriod"
_PORTS = "io.kubernetes.container.ports"
_PRE_STOP = "io.kubernetes.container.preStopHandler"

_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


def pod_text(pod: Pod) -> str:
    """A pod in messages, as the kubelet writes it: name_namespace(uid)."""
    return f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"


def pod_labels(pod: Pod) -> dict[str, str]:
    """The labels of a sandbox: the pod's, and whose it is."""
    return {**pod.metadata.labels, **_whose(pod)}


def container_labels(pod: Pod, container: Container) -> dict[str, str]:
    """The labels of a container: whose it is."""
    return {**_whose(pod), CONTAINER_NAME: container.name}


def container_annotations(pod: Pod, container: Container, restart_count: int) -> dict[str, str]:
    """The annotations of a container: what must be known of it when nobody remembers its pod."""
    found = {
        HASH: container_hash(container),
        RESTART_COUNT: str(restart_count),
        TERMINATION_PATH: container.termination_message_path,
        TERMINATION_POLICY: container.termination_message_policy,
        TERMINATION_GRACE: str(pod.spec.termination_grace_period_seconds),
    }
    if (grace := pod.metadata.deletion_grace_period_seconds) is not None:
        found[_DELETION_GRACE] = str(grace)
    if container.lifecycle is not None and container.lifecycle.pre_stop is not None:
        found[_PRE_STOP] = msgspec.json.encode(container.lifecycle.pre_stop).decode()
    if container.ports:
        found[_PORTS] = msgspec.json.encode(container.ports).decode()
    return found


def container_hash(container: Container) -> str:
    """What tells that a running container is not any more what is wanted: FNV-1a of image and name, in hexadecimal.

    It is the kubelet's since 1.29, so that containers can change hands.
    """
    chosen: Mapping[str, str] = {"image": container.image, "name": container.name}
    value = _FNV_OFFSET
    for byte in json.dumps(chosen, separators=(",", ":"), ensure_ascii=False).encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return f"{value:x}"


def _whose(pod: Pod) -> dict[str, str]:
    metadata = pod.metadata
    return {POD_NAME: metadata.name, POD_NAMESPACE: metadata.namespace, POD_UID: metadata.uid}
