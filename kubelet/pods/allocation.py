"""What is set aside for a pod, as opposed to what it asks for now (KEP-1287): requests and limits that may be resized.

What a pod was given is in the status of its containers, so that the next agent knows it: `allocatedResources` are the
requests, `resources` has the limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from firkin.kubelet.api.container import Container, ResourceRequirements
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.api.quantity import Quantity, parse_quantity

__all__ = ["RESIZABLE", "Allocation"]

RESIZABLE = ("cpu", "memory")
"""The resources that may change while a container runs."""

_Amounts = Mapping[str, Quantity]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Processor and memory of a pod: of its containers by name, and of itself where it says so."""

    containers: Mapping[str, ResourceRequirements] = field(default_factory=dict)
    own: ResourceRequirements | None = None

    @classmethod
    def wanted(cls, pod: Pod) -> Allocation:
        """What the specification of a pod asks for."""
        found = {one.name: _resizable(one.resources) for one in _containers(pod)}
        return cls(found, _resizable(pod.spec.resources) if pod.spec.resources else None)

    @classmethod
    def recorded(cls, pod: Pod) -> Allocation:
        """What its status says; of what that does not tell, what the specification asks for."""
        wanted, status = cls.wanted(pod), pod.status
        known = {one.name: one for one in (*status.init_container_statuses, *status.container_statuses)}
        found = {name: _recorded(known.get(name), asked) for name, asked in wanted.containers.items()}
        own = wanted.own
        if own is not None and status.resources is not None:
            own = _resizable(replace(status.resources, requests=status.allocated_resources))
        return cls(found, own)

    def given_to(self, pod: Pod) -> Pod:
        """The pod with this in place of what it asks for."""
        if self.is_as(Allocation.wanted(pod)):
            return pod
        spec = replace(
            pod.spec,
            containers=[self._given(one) for one in pod.spec.containers],
            init_containers=[self._given(one) for one in pod.spec.init_containers],
            resources=_merged(pod.spec.resources, self.own) if pod.spec.resources and self.own else pod.spec.resources,
        )
        return replace(pod, spec=spec)

    def is_as(self, other: Allocation) -> bool:
        """Whether it comes to the same, however it is written: 0.5 is 500m."""
        if self == other:
            return True
        return self.containers.keys() == other.containers.keys() and all(
            _amounts(one) == _amounts(two)
            for one, two in (
                *((one, other.containers[name]) for name, one in self.containers.items()),
                (self.own, other.own),
            )
        )

    def _given(self, container: Container) -> Container:
        given = self.containers.get(container.name)
        return container if given is None else replace(container, resources=_merged(container.resources, given))


def _containers(pod: Pod) -> list[Container]:
    return [*pod.spec.init_containers, *pod.spec.containers]


def _some(values: _Amounts, *, resizable: bool) -> dict[str, Quantity]:
    return {name: value for name, value in values.items() if (name in RESIZABLE) is resizable}


def _resizable(resources: ResourceRequirements) -> ResourceRequirements:
    return ResourceRequirements(
        limits=_some(resources.limits, resizable=True), requests=_some(resources.requests, resizable=True)
    )


def _merged(asked: ResourceRequirements, given: ResourceRequirements) -> ResourceRequirements:
    return ResourceRequirements(
        limits={**_some(asked.limits, resizable=False), **given.limits},
        requests={**_some(asked.requests, resizable=False), **given.requests},
    )


def _recorded(status: ContainerStatus | None, asked: ResourceRequirements) -> ResourceRequirements:
    if status is None or status.resources is None:
        return asked
    return _resizable(replace(status.resources, requests=status.allocated_resources))


def _amounts(resources: ResourceRequirements | None) -> object:
    if resources is None:
        return None
    return [
        {name: parse_quantity(one) for name, one in part.items()} for part in (resources.limits, resources.requests)
    ]
