"""What is said of an eviction, in the words of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import parse_quantity
from firkin.kubelet.resources.eviction.signals import MEMORY_PRESSURE, RESOURCE_OF, Observation
from firkin.kubelet.resources.eviction.thresholds import Threshold
from firkin.kubelet.resources.eviction.usage import ContainerUsage, PodUsage

__all__ = ["REASON", "canonical", "eviction_message", "node_conditions"]

REASON = "Evicted"
"""The reason in the status of the pod."""

# By condition: reason and message, without and with pressure.
_CONDITIONS = {
    "MemoryPressure": (
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    ),
    "DiskPressure": (
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("KubeletHasDiskPressure", "kubelet has disk pressure"),
    ),
    "PIDPressure": (
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
    ),
}


def eviction_message(
    pod: Pod, used: PodUsage | None, thresholds: Sequence[Threshold], seen: Mapping[str, Observation]
) -> str:
    """Why the pod is evicted: the first of `thresholds` is acted on."""
    resource = RESOURCE_OF[thresholds[0].signal]
    parts = [f"The node was low on resource: {resource}. ", *_threshold(thresholds, seen, resource)]
    if used:
        parts += _containers(pod, used, resource)
    return "".join(parts)


def _threshold(thresholds: Sequence[Threshold], seen: Mapping[str, Observation], resource: str) -> Iterator[str]:
    for one in thresholds:
        observed = seen.get(one.signal)
        if RESOURCE_OF[one.signal] != resource or observed is None:
            continue
        least = one.least.of(observed.capacity)
        if one.signal == MEMORY_PRESSURE:
            yield f"Threshold pressure: {100 - least}%, pressure: {100 - observed.available}%. "
        elif resource in ("memory", "ephemeral-storage"):
            yield f"Threshold quantity: {canonical(least)}, available: {canonical(observed.available)}. "
        else:
            yield f"Threshold quantity: {least}, available: {observed.available}. "
        return


def _containers(pod: Pod, used: PodUsage, resource: str) -> Iterator[str]:
    for container in pod.spec.containers:
        usage = used.containers.get(container.name)
        amount = _amount(usage, resource) if usage else None
        request = container.resources.requests.get(resource, 0)
        if amount is not None and amount > parse_quantity(request):
            yield (
                f"Container {container.name} was using {canonical(amount)}, request is {request}, has larger "
                f"consumption of {resource}. "
            )


def _amount(usage: ContainerUsage, resource: str) -> int | None:
    if resource == "memory":
        return usage.memory
    return (usage.root + usage.logs).bytes if resource == "ephemeral-storage" else None


def canonical(amount: int) -> str:
    """Bytes as a quantity: with the largest binary unit that leaves a whole number."""
    units = iter(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
    unit = next(units)
    while amount and amount % 1024 == 0 and unit != "Ei":
        amount, unit = amount // 1024, next(units)
    return f"{amount}{unit}"


def node_conditions(pressed: frozenset[str]) -> list[Condition]:
    """The conditions of the node; `pressed` are those that it has. Times are for who keeps the status."""
    found = []
    for name, words in _CONDITIONS.items():
        reason, message = words[name in pressed]
        found.append(Condition(type=name, status=str(name in pressed), reason=reason, message=message))
    return found
