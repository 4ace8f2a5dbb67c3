"""Decisions on a pod, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from firkin.kubelet.api.container import Container, EphemeralContainer
from firkin.kubelet.pods.resize import Resize
from firkin.kubelet.pods.view import ContainerView

__all__ = ["Actions", "Failure", "Kill", "Knowledge", "unknown_kill"]


class Failure(Protocol):
    """A probe that failed often enough: the value of `kind` is Liveness or Startup."""

    @property
    def kind(self) -> Enum: ...
    @property
    def message(self) -> str: ...
    @property
    def grace(self) -> int | None: ...


class Knowledge(Protocol):
    """What probes say of a container that runs."""

    @property
    def started(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def failed(self) -> Failure | None: ...


@dataclass(frozen=True, slots=True)
class Kill:
    """A container to stop: why, whether it is started again, and the seconds it gets if not those of its pod."""

    name: str
    message: str
    restart: bool = False
    grace: int | None = None


@dataclass(slots=True)
class Actions:
    """What to do, in this order: kill the pod or single containers, make a sandbox, start containers.

    Where there is something to `reset` that is all: these containers are removed, in their order. To `resize` is the
    pod, unless that is None, and with it these containers.
    `sandbox_id` is the sandbox that is there, `attempt` the number of the one that is used or to be made; `to_kill` is
    by container id, and what is to be started is in its order.
    """

    kill_pod: bool = False
    create_sandbox: bool = False
    sandbox_id: str = ""
    attempt: int = 0
    reset: list[ContainerView] = field(default_factory=list)
    resize: list[Resize] | None = None
    to_kill: dict[str, Kill] = field(default_factory=dict)
    ephemeral: list[EphemeralContainer] = field(default_factory=list)
    init: list[Container] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)

    def __bool__(self) -> bool:
        if self.resize is not None:
            return True
        starts = self.ephemeral or self.init or self.containers
        return bool(self.kill_pod or self.create_sandbox or self.reset or self.to_kill or starts)


def unknown_kill(what: str, container: Container) -> Kill:
    """Why a container of which nothing is known is stopped. `what` is Container or Init container."""
    return Kill(container.name, f'{what} is in "unknown" state, try killing it before restart')
