"""What the workers of all pods work with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.pods.decision import Knowledge
from firkin.kubelet.pods.observed import Observer
from firkin.kubelet.pods.preparation import Preparation
from firkin.kubelet.pods.starting import Starter
from firkin.kubelet.pods.stopping import Stopper
from firkin.kubelet.pods.syncing import Syncer
from firkin.kubelet.pods.telling import Recorder
from firkin.kubelet.probes.verdict import Running
from firkin.kubelet.runtime.client import Runtime

__all__ = ["NodeView", "Probes", "Refusal", "Services", "retry_delay"]

_RETRY, _JITTER = 10.0, 0.5


class Probes(Protocol):
    """Who asks containers how they are (`firkin.kubelet.probes.manager`)."""

    def watch(self, pod: Pod, running: Mapping[str, Running], pod_ip: str) -> None:
        """Ask the containers that run, and no others of this pod."""

    def verdicts(self, pod_uid: str) -> Mapping[str, Knowledge]:
        """What is known of containers, by name."""

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""


class Refusal(Protocol):
    """Why a pod is not let in."""

    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...


class NodeView(Protocol):
    """What pods are told of the node, and what it says of them (`firkin.kubelet.node`)."""

    @property
    def ips(self) -> tuple[str, ...]:
        """The addresses of the node, the primary one first."""

    def admit(self, pod: Pod, active: Sequence[Pod]) -> Refusal | None:
        """Why the pod can not run here beside those that are active; None if it can."""

    def resize(self, pod: Pod, active: Sequence[Pod]) -> Refusal | None:
        """Why the pod, which runs, can not have what it asks for now: Deferred or Infeasible; None if it can."""

    async def make_room(self, pod: Pod, active: Sequence[Pod]) -> bool:
        """End those of the active pods that must make room for a critical one; whether there were any."""

    def qos_class(self, pod: Pod) -> str:
        """Guaranteed, Burstable or BestEffort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that a worker needs. `wall` gives seconds since the epoch, `logs` has a directory for each pod."""

    runtime: Runtime
    objects: Objects
    observer: Observer
    recorder: Recorder
    preparation: Preparation
    probes: Probes
    node: NodeView
    syncer: Syncer
    starter: Starter
    stopper: Stopper
    logs: str
    wall: Callable[[], float] = time.time

    def now(self) -> datetime:
        """The time as the API has it: in whole seconds."""
        return datetime.fromtimestamp(int(self.wall()), UTC)


def retry_delay() -> float:
    """Seconds before another try of what failed for no known reason: 10 to 15, so that pods do not come at once."""
    return _RETRY * (1 + _JITTER * random.random())
