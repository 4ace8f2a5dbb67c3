"""What a resize has to do to the containers that run: a function of what was given to a pod and what the runtime has.

Source: "Resize CPU and Memory Resources assigned to Containers" of the Kubernetes documentation; KEP-1287.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.kubelet.api.container import Container, ResourceRequirements
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.pods.restarts import is_sidecar
from firkin.kubelet.pods.view import RUNNING, ContainerView, PodView

__all__ = ["RESTART", "Resize", "actual_resources", "in_order", "resizes_of"]

RESTART = "RestartContainer"
"""The policy of a resource whose change restarts the container."""


@dataclass(frozen=True, slots=True)
class Resize:
    """New limits for a running container: `resources`, as `before` were what the runtime has told, if it has.

    `restarts` says that its policy wants it to be started again with them.
    """

    container: Container
    id: str
    resources: LinuxContainerResources
    before: LinuxContainerResources | None
    restarts: bool

    @property
    def lowers_memory_to(self) -> int:
        """The new limit of memory in bytes if it is lower than the one before; 0 else."""
        limit = self.resources.memory_limit_in_bytes
        known = self.before.memory_limit_in_bytes if self.before is not None else 0
        return limit if limit and (self.before is None or not known or limit < known) else 0


def resizes_of(pod: Pod, view: PodView, limits: Mapping[str, LinuxContainerResources]) -> dict[str, Resize]:
    """The containers that run with other limits than `limits` has by their names."""
    found = {}
    for container in (*filter(is_sidecar, pod.spec.init_containers), *pod.spec.containers):
        latest = view.latest(container.name)
        if latest is None or latest.state != RUNNING or container.name not in limits:
            continue
        changed = _changed(latest, limits[container.name])
        if changed:
            restarts = any(one.resource_name in changed and one.restart_policy == RESTART
                           for one in container.resize_policy)  # fmt: skip
            resources = limits[container.name]
            found[container.name] = Resize(container, latest.id, resources, latest.resources, restarts)
    return found


def in_order(resizes: list[Resize]) -> list[Resize]:
    """Those that give something back first."""
    return sorted(resizes, key=lambda one: (_grows(one, _memory), _grows(one, _cpu)))


def actual_resources(resize: Resize) -> ResourceRequirements:
    """Requests and limits that the container still has; the request of memory is no one's limit."""
    before, asked = resize.before, resize.container.resources
    if before is None:
        return asked
    limits: dict[str, Quantity] = {name: one for name, one in asked.limits.items() if name not in ("cpu", "memory")}
    requests = dict(asked.requests)
    if before.cpu_quota > 0 and before.cpu_period:
        limits["cpu"] = f"{before.cpu_quota * 1000 // before.cpu_period}m"
    if before.memory_limit_in_bytes > 0:
        limits["memory"] = str(before.memory_limit_in_bytes)
    if "cpu" in requests and before.cpu_shares:
        requests["cpu"] = f"{-(-before.cpu_shares * 1000 // 1024)}m"
    return ResourceRequirements(limits=limits, requests=requests)


def _changed(latest: ContainerView, limits: LinuxContainerResources) -> set[str]:
    before = latest.resources
    if before is None:
        # Of a runtime that does not tell, all may be different.
        return {"cpu", "memory"}
    changed = set()
    if _cpu(before) != _cpu(limits):
        changed.add("cpu")
    has_other_files = any(before.unified.get(file) != value for file, value in limits.unified.items())
    if _memory(before) != _memory(limits) or has_other_files:
        changed.add("memory")
    return changed


def _cpu(resources: LinuxContainerResources) -> tuple[int, ...]:
    return max(resources.cpu_quota, 0), resources.cpu_shares


def _memory(resources: LinuxContainerResources) -> tuple[int, ...]:
    return (max(resources.memory_limit_in_bytes, 0),)


def _grows(resize: Resize, of: object) -> bool:
    assert callable(of)
    return resize.before is not None and of(resize.resources) > of(resize.before)
