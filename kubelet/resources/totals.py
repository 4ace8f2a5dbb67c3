"""What a pod asks for as a whole.

Source: "Resource sharing within containers" of the Kubernetes documentation (init containers run before the others,
sidecars beside all that start after them); KEP-2837 for resources of the pod itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import Quantity, parse_quantity

__all__ = ["pod_limits", "pod_requests", "requests_of"]

Amounts = dict[str, Decimal]

_OF_PODS = ("cpu", "memory")


def requests_of(container: Container) -> Amounts:
    """What is set aside for one container; what only a limit is set for is requested as much."""
    return _parsed({**container.resources.limits, **container.resources.requests})


def pod_requests(pod: Pod) -> Amounts:
    """What is set aside for the pod, by resource: at any time, its overhead included."""
    found = _highest(pod, requests_of)
    if pod.spec.resources:
        found.update(_of_pod({**pod.spec.resources.limits, **pod.spec.resources.requests}))
    return _sum(found, _parsed(pod.spec.overhead))


def pod_limits(pod: Pod) -> Amounts:
    """The sum of the limits that are set, by resource; a container without one adds nothing."""
    found = _highest(pod, lambda container: _parsed(container.resources.limits))
    if pod.spec.resources:
        found.update(_of_pod(pod.spec.resources.limits))
    overhead = _parsed(pod.spec.overhead)
    return _sum(found, {name: value for name, value in overhead.items() if name in found})


def _highest(pod: Pod, amounts: Callable[[Container], Amounts]) -> Amounts:
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in pod.spec.init_containers:
        own = amounts(container)
        if container.restart_policy == "Always":
            sidecars = own = _sum(sidecars, own)
        else:
            own = _sum(sidecars, own)
        peak = _most(peak, own)
    running = sidecars
    for container in pod.spec.containers:
        running = _sum(running, amounts(container))
    return _most(running, peak)


def _of_pod(values: Mapping[str, Quantity]) -> Amounts:
    return {name: value for name, value in _parsed(values).items() if name in _OF_PODS or name.startswith("hugepages-")}


def _parsed(values: Mapping[str, Quantity]) -> Amounts:
    return {name: parse_quantity(value) for name, value in values.items()}


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in {**one, **other}}


def _most(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, Decimal(0)), other.get(name, Decimal(0))) for name in {**one, **other}}
