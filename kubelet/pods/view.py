"""A pod as the runtime has it: its sandboxes and containers, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.kubelet.api.pod_status import ContainerUser

__all__ = ["CREATED", "EXITED", "RUNNING", "UNKNOWN", "ContainerView", "PodView", "SandboxView", "State"]

State = Literal["created", "running", "exited", "unknown"]

CREATED: State = "created"
RUNNING: State = "running"
EXITED: State = "exited"
UNKNOWN: State = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxView:
    """One sandbox of a pod. `created_at` in nanoseconds since the epoch; `ips` begins with the primary address."""

    id: str
    ready: bool
    attempt: int = 0
    created_at: int = 0
    ips: tuple[str, ...] = ()
    host_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerView:
    """One container of a pod, one of those that its container in the specification has had.

    Times in nanoseconds since the epoch, 0 where there was none. `hash` is what `container_hash` said when it was
    made, `message` includes the termination message; `resources` are its limits, where the runtime tells them.
    """

    id: str
    name: str
    state: State
    sandbox_id: str = ""
    created_at: int = 0
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    restart_count: int = 0
    hash: str = ""
    log_path: str = ""
    user: ContainerUser | None = None
    stop_signal: str | None = None
    resources: LinuxContainerResources | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodView:
    """A pod in the runtime; of one name the newest first."""

    uid: str
    namespace: str = ""
    name: str = ""
    runtime: str = "firkin"
    sandboxes: tuple[SandboxView, ...] = ()
    containers: tuple[ContainerView, ...] = ()

    def latest(self, name: str) -> ContainerView | None:
        """The newest container of this name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[ContainerView]:
        """The containers of this name, newest first."""
        return (one for one in self.containers if one.name == name)

    def running(self) -> list[ContainerView]:
        """What runs, or may run."""
        return [one for one in self.containers if one.state in (RUNNING, UNKNOWN)]

    @property
    def ips(self) -> tuple[str, ...]:
        """The addresses of the newest sandbox, while it is ready."""
        return self.sandboxes[0].ips if self.sandboxes and self.sandboxes[0].ready else ()
