"""The quality of service class of a pod.

Source: "Pod Quality of Service Classes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firkin.kubelet.api.container import ResourceRequirements
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import Quantity, parse_quantity

__all__ = ["BEST_EFFORT", "BURSTABLE", "GUARANTEED", "qos_class"]

GUARANTEED = "Guaranteed"
BURSTABLE = "Burstable"
BEST_EFFORT = "BestEffort"

_RESOURCES = ("cpu", "memory")


def qos_class(pod: Pod) -> str:
    """Guaranteed if processor and memory of all are limited to what is requested, BestEffort if none says anything.

    Resources of the pod as a whole, where it has them, count instead of those of its containers. Once it is in the
    status it stays: resources may change, the class may not.
    """
    if pod.status.qos_class:
        return pod.status.qos_class
    parts = list(_parts(pod))
    requests = [_said(part.requests) for part in parts]
    limits = [_said(part.limits) for part in parts]
    if not any(requests) and not any(limits):
        return BEST_EFFORT
    is_whole = all(len(limit) == len(_RESOURCES) for limit in limits)
    # What is not requested is requested as it is limited.
    return GUARANTEED if is_whole and all({**b, **a} == b for a, b in zip(requests, limits, strict=True)) else BURSTABLE


def _parts(pod: Pod) -> Iterator[ResourceRequirements]:
    if pod.spec.resources and (pod.spec.resources.requests or pod.spec.resources.limits):
        yield pod.spec.resources
        return
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        yield container.resources


def _said(values: Mapping[str, Quantity]) -> dict[str, object]:
    found = {name: parse_quantity(values[name]) for name in _RESOURCES if name in values}
    return {name: value for name, value in found.items() if value}
