"""Looking at what the runtime has: one pod, or which there are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from firkin.cri.api import container_pb2, sandbox_pb2, security_pb2
from firkin.kubelet.api.pod_status import ContainerUser, LinuxContainerUser
from firkin.kubelet.pods.identity import CONTAINER_NAME, HASH, POD_NAME, POD_NAMESPACE, POD_UID, RESTART_COUNT
from firkin.kubelet.pods.termination import annotation_number, termination_message
from firkin.kubelet.pods.view import CREATED, EXITED, RUNNING, UNKNOWN, ContainerView, PodView, SandboxView, State
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallMissingError

__all__ = ["Listed", "Listing", "Observer", "container_view"]

_STATES: dict[int, State] = {
    container_pb2.CONTAINER_CREATED: CREATED,
    container_pb2.CONTAINER_RUNNING: RUNNING,
    container_pb2.CONTAINER_EXITED: EXITED,
    container_pb2.CONTAINER_UNKNOWN: UNKNOWN,
}
_RUNTIME_DEFAULT = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A sandbox or a container in a list of all; `is_up` says that it is ready, or may run."""

    id: str
    state: int
    is_up: bool
    created_at: int
    is_sandbox: bool
    name: str = ""
    sandbox_id: str = ""
    attempt: int = 0

    @property
    def age(self) -> tuple[int, int]:
        """Smaller for what is newer: by number, as the clock may have been set back between the two."""
        return -self.attempt, -self.created_at


@dataclass(slots=True)
class Listing:
    """A pod in a list of all: whose it is, and what there is of it."""

    namespace: str
    name: str
    items: list[Listed] = field(default_factory=list)

    @property
    def states(self) -> dict[str, int]:
        """The state of each thing, by its id."""
        return {one.id: one.state for one in self.items}


class Observer:
    """Looks at pods. What has ended does not change any more, and is asked for once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ended: dict[str, dict[str, ContainerView]] = {}
        self.runtime_name = "firkin"

    async def list(self) -> dict[str, Listing]:
        """The pods that the runtime has, by uid. Raises CallError."""
        runtime = self._runtime
        sandboxes, containers = await asyncio.gather(runtime.list_pod_sandbox(), runtime.list_containers())
        found: dict[str, Listing] = {}
        for one in (*map(_listed_sandbox, sandboxes), *map(_listed_container, containers)):
            labels, item = one
            # What was not made by an agent has no uid, and is not its business.
            if uid := labels.get(POD_UID, ""):
                listing = found.setdefault(uid, Listing(labels[POD_NAMESPACE], labels[POD_NAME]))
                listing.items.append(item)
        return found

    async def look(self, uid: str) -> PodView:
        """A pod as it is now. Raises CallError."""
        selector = {POD_UID: uid}
        listed, containers = await asyncio.gather(
            self._runtime.list_pod_sandbox(sandbox_pb2.PodSandboxFilter(label_selector=selector)),
            self._runtime.list_containers(container_pb2.ContainerFilter(label_selector=selector)),
        )
        ended = self._ended.get(uid, {})
        views = await asyncio.gather(*(self._container(one, ended.get(one.id)) for one in containers))
        sandboxes = await asyncio.gather(*(self._sandbox(one.id) for one in listed))
        found = [one for one in views if one is not None]
        self._ended[uid] = {one.id: one for one in found if one.state == EXITED}
        # By their numbers, as the clock may have been set back between two of them.
        return PodView(
            uid=uid,
            runtime=self.runtime_name,
            sandboxes=tuple(sorted((one for one in sandboxes if one), key=lambda one: (-one.attempt, -one.created_at))),
            containers=tuple(sorted(found, key=lambda one: (-one.restart_count, -one.created_at))),
        )

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._ended.pop(uid, None)

    async def _sandbox(self, id: str) -> SandboxView | None:
        try:
            status = (await self._runtime.pod_sandbox_status(id)).status
        except CallMissingError:
            # Removed since it was listed.
            return None
        ips = [status.network.ip, *(one.ip for one in status.network.additional_ips)]
        return SandboxView(
            id=status.id,
            ready=status.state == sandbox_pb2.SANDBOX_READY,
            attempt=status.metadata.attempt,
            created_at=status.created_at,
            ips=tuple(one for one in ips if one),
            host_network=status.linux.namespaces.options.network == security_pb2.NODE,
        )

    async def _container(self, listed: container_pb2.Container, ended: ContainerView | None) -> ContainerView | None:
        if ended is not None:
            return ended
        try:
            status = (await self._runtime.container_status(listed.id)).status
        except CallMissingError:
            return None
        message = status.message
        if status.state == container_pb2.CONTAINER_EXITED:
            said = await asyncio.to_thread(termination_message, status)
            message = ": ".join(one for one in (message, said) if one)
        return container_view(status, listed.pod_sandbox_id, message)


def _listed_sandbox(one: sandbox_pb2.PodSandbox) -> tuple[Mapping[str, str], Listed]:
    is_up = one.state == sandbox_pb2.SANDBOX_READY
    return one.labels, Listed(one.id, one.state, is_up, one.created_at, is_sandbox=True, attempt=one.metadata.attempt)


def _listed_container(one: container_pb2.Container) -> tuple[Mapping[str, str], Listed]:
    is_up = one.state != container_pb2.CONTAINER_EXITED
    name = one.labels.get(CONTAINER_NAME, one.metadata.name)
    return one.labels, Listed(
        one.id, one.state, is_up, one.created_at, is_sandbox=False, name=name, sandbox_id=one.pod_sandbox_id,
        attempt=one.metadata.attempt,
    )  # fmt: skip


def container_view(status: container_pb2.ContainerStatus, sandbox_id: str, message: str) -> ContainerView:
    """What a status of CRI says, with the sandbox that it is in and its own message."""
    return ContainerView(
        id=status.id,
        name=status.labels.get(CONTAINER_NAME, status.metadata.name),
        state=_STATES.get(status.state, UNKNOWN),
        sandbox_id=sandbox_id,
        created_at=status.created_at,
        started_at=status.started_at,
        finished_at=status.finished_at,
        exit_code=status.exit_code,
        reason=status.reason,
        message=message,
        image=status.image.user_specified_image or status.image.image,
        image_ref=status.image_ref,
        restart_count=annotation_number(status.annotations, RESTART_COUNT) or 0,
        hash=status.annotations.get(HASH, ""),
        log_path=status.log_path,
        user=_user(status.user),
        stop_signal=_signal(status.stop_signal),
        resources=status.resources.linux if status.resources.HasField("linux") else None,
    )


def _user(user: container_pb2.ContainerUser) -> ContainerUser | None:
    if not user.HasField("linux"):
        return None
    linux = user.linux
    ids = LinuxContainerUser(uid=linux.uid, gid=linux.gid, supplemental_groups=list(linux.supplemental_groups))
    return ContainerUser(linux=ids)


def _signal(number: container_pb2.Signal) -> str | None:
    if number == _RUNTIME_DEFAULT:
        return None
    return container_pb2.Signal.Name(number).removeprefix("SIGNAL_")
