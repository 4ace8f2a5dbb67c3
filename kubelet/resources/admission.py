"""Whether a pod may run on this node, with what runs there already. Pure.

Source: the predicates of the kubelet: resources, node name, ports of the node, labels of the node; in its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.affinity import suits
from firkin.kubelet.resources.node import NodeResources
from firkin.kubelet.resources.totals import pod_requests

__all__ = ["NodeFacts", "Refusal", "admit", "amounts", "misplaced", "resize_refusal", "shortages"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pod is not admitted: `reason` and `message` of its status, which becomes Failed.

    `resource` is what is missing, and `amount` how much of it (thousandths of a processor, else units).
    """

    reason: str
    message: str
    resource: str = ""
    amount: int = 0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node: its name, its labels, what it has for pods."""

    name: str
    allocatable: NodeResources
    labels: Mapping[str, str] = field(default_factory=dict)


def admit(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> Refusal | None:
    """The reason why the pod can't run here; None if it can.

    Parameters: `active` are the pods that are admitted and have not ended, without this one.
    """
    if pod.spec.os and pod.spec.os.name != "linux":
        return Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    refusals = (*shortages(pod, active, node), *misplaced(pod, active, node))
    return next(iter(refusals), None)


def shortages(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> Iterator[Refusal]:
    """What there is too little of."""
    if len(active) + 1 > node.allocatable.pods:
        yield _too_little("pods", 1, len(active), node.allocatable.pods)
    asked, used = amounts(pod), _sum(map(amounts, active))
    for resource, capacity in _capacities(node.allocatable).items():
        if asked.get(resource) and asked[resource] > capacity - used.get(resource, 0):
            yield _too_little(resource, asked[resource], used.get(resource, 0), capacity)
    for resource in sorted(name for name in asked if name.startswith("hugepages-")):
        has = node.allocatable.hugepages.get(resource.removeprefix("hugepages-"), 0)
        if asked[resource] > has - used.get(resource, 0):
            yield _too_little(resource, asked[resource], used.get(resource, 0), has)


def resize_refusal(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> Refusal | None:
    """Why the pod, which runs, can't have what it requests now: Infeasible if never, Deferred if not now.

    Parameters: `active` are the other pods that are admitted and have not ended. Source: KEP-1287.
    """
    asked = amounts(pod)
    for resource in ("memory", "cpu"):
        capacity = _capacities(node.allocatable)[resource]
        if asked.get(resource, 0) > capacity:
            why = f"Node didn't have enough capacity: {resource}, requested: {asked[resource]}, capacity: {capacity}"
            return Refusal("Infeasible", why, resource)
    refusal = next(shortages(pod, active, node), None)
    return None if refusal is None else Refusal("Deferred", refusal.message, refusal.resource, refusal.amount)


def _too_little(resource: str, requested: int, used: int, capacity: int) -> Refusal:
    message = (
        f"Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
    )
    return Refusal(f"OutOf{resource}", message, resource, requested - (capacity - used))


def _capacities(node: NodeResources) -> dict[str, int]:
    return {"cpu": node.cpu, "memory": node.memory, "ephemeral-storage": node.storage}


def amounts(pod: Pod) -> dict[str, int]:
    """What a pod requests: thousandths of a processor, else units."""
    return {name: int(value * 1000 if name == "cpu" else value) for name, value in pod_requests(pod).items()}


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in parts:
        for name, value in one.items():
            total[name] = total.get(name, 0) + value
    return total


def misplaced(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> Iterator[Refusal]:
    """Why it is not for this node, whatever there is left of it."""
    if not suits(pod.spec, node.name, node.labels):
        yield _failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    if pod.spec.node_name and pod.spec.node_name != node.name:
        yield _failed("NodeName", "node(s) didn't match the requested node name")
    taken = [port for other in active for port in _ports(other)]
    if any(_clash(one, other) for one in _ports(pod) for other in taken):
        yield _failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")


def _failed(predicate: str, why: str) -> Refusal:
    return Refusal(predicate, f"Predicate {predicate} failed: {why}")


_Port = tuple[str, str, int]


def _ports(pod: Pod) -> Iterator[_Port]:
    sidecars = [one for one in pod.spec.init_containers if one.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            # On the network of the node a container has its ports there, said or not.
            number = port.host_port or (port.container_port if pod.spec.host_network else 0)
            if number:
                yield port.host_ip or "0.0.0.0", port.protocol, number


def _clash(one: _Port, other: _Port) -> bool:
    is_same_address = one[0] == other[0] or "0.0.0.0" in (one[0], other[0])
    return one[1:] == other[1:] and is_same_address
