"""What the machine must have ready before a pod, and each container of it, can be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from firkin.cri.api.container_pb2 import Mount
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.cri.api.security_pb2 import UserNamespace
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.sandbox_config import SandboxSetting

__all__ = ["ContainerRequest", "Preparation", "Prepared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRequest:
    """A container that is about to be made; `images` are what the runtime calls those of image volumes, by volume."""

    pod: Pod
    container: Container
    pod_ips: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a container gets of the machine; `command` and `args` have the variables in them."""

    command: Sequence[str] = ()
    args: Sequence[str] = ()
    environment: Sequence[tuple[str, str]] = ()
    mounts: Sequence[Mount] = ()
    resources: LinuxContainerResources = field(default_factory=LinuxContainerResources)
    user_namespace: UserNamespace | None = None


class Preparation(Protocol):
    """Volumes, cgroups, environment: made before, taken away after (`firkin.kubelet.preparation`)."""

    async def pod(self, pod: Pod) -> SandboxSetting:
        """Make what the pod needs; it may be there already. Raises FirkinError, after an event that says why."""

    async def container(self, request: ContainerRequest) -> Prepared:
        """Make what a container needs. Raises FirkinError."""

    def limits(self, pod: Pod, container: Container) -> LinuxContainerResources:
        """The limits of a container."""

    async def widen(self, *pods: Pod) -> None:
        """Give the cgroup of a pod limits that are wide enough for it in each of these states. Raises CgroupError."""

    async def clean_up(self, uid: str) -> None:
        """Take away all that there is of a pod, nothing of which runs any more. Raises FirkinError."""

    def on_disk(self) -> set[str]:
        """The uids of the pods of which something is left."""
