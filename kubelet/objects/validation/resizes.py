"""What a resize of a pod may change (KEP-1287)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from firkin.kubelet.api.container import Container, ContainerResizePolicy, ResourceRequirements
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.objects.validation.fault import Faults, duplicate, forbidden, invalid, one_of
from firkin.kubelet.resources.qos import qos_class

__all__ = ["policies", "resize", "same_containers"]

_MUTABLE = ("cpu", "memory")


def policies(path: str, values: Sequence[ContainerResizePolicy], *, never_restarts: bool) -> Faults:
    """The policies of a container, in a pod that `never_restarts` its containers or does."""
    seen: set[str] = set()
    for number, policy in enumerate(values):
        place = f"{path}[{number}]"
        yield from one_of(f"{place}.resourceName", policy.resource_name, _MUTABLE, optional=False)
        choices = ("NotRequired",) if never_restarts else ("NotRequired", "RestartContainer")
        yield from one_of(f"{place}.restartPolicy", policy.restart_policy, choices, optional=False)
        if policy.resource_name in seen:
            yield duplicate(place, policy.resource_name)
        seen.add(policy.resource_name)


def same_containers(before: Pod, after: Pod) -> Faults:
    """A resize names the containers as they are."""
    for field, one, other in (
        ("containers", before.spec.containers, after.spec.containers),
        ("initContainers", before.spec.init_containers, after.spec.init_containers),
    ):
        if len(one) != len(other):
            yield forbidden(f"spec.{field}", "containers may not be added or removed on resize")
            continue
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            if a.name != b.name:
                detail = "containers may not be renamed or reordered on resize"
                yield forbidden(f"spec.{field}[{number}].name", detail)


def resize(before: Pod, after: Pod) -> Faults:
    """Processor and memory may change, but neither the class of service nor whether there is a limit at all."""
    quality = qos_class(replace(after, status=PodStatus()))
    if qos_class(replace(before, status=PodStatus())) != quality:
        yield invalid("spec", quality, "Pod QOS Class may not change as a result of resizing")
    yield from _containers("spec.containers", before.spec.containers, after.spec.containers)
    yield from _containers("spec.initContainers", before.spec.init_containers, after.spec.init_containers)
    own = before.spec.resources or ResourceRequirements()
    yield from _resources("spec.resources", own, after.spec.resources or ResourceRequirements())


def _containers(path: str, before: Sequence[Container], after: Sequence[Container]) -> Faults:
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        place = f"{path}[{number}].resources"
        is_init = path.endswith("initContainers") and one.restart_policy != "Always"
        if is_init and one.resources != other.resources:
            yield forbidden(place, "of init containers only those that are sidecars can be resized")
        else:
            yield from _resources(place, one.resources, other.resources)


def _resources(path: str, before: ResourceRequirements, after: ResourceRequirements) -> Faults:
    for field, one, other in (("limits", before.limits, after.limits), ("requests", before.requests, after.requests)):
        fixed = {name for name in one.keys() | other.keys() if name not in _MUTABLE}
        if any(one.get(name) != other.get(name) for name in fixed):
            yield forbidden(f"{path}.{field}", "only cpu and memory resources are mutable")
        if not one.keys() - fixed <= other.keys():
            yield forbidden(f"{path}.{field}", f"resource {field} cannot be removed")
