"""The probes of all pods: begun and ended as containers run, their verdicts kept for the pods' workers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.events.recorder import Named
from firkin.kubelet.probes.answer import Answer, Ask
from firkin.kubelet.probes.container_probes import ContainerProbes, Surroundings, Timer
from firkin.kubelet.probes.step import Kind, Outcome
from firkin.kubelet.probes.tally import Tally
from firkin.kubelet.probes.verdict import Running, Verdict

__all__ = ["Probes", "Records", "Tallied"]


class Records(Protocol):
    """Who is told what happens (`firkin.kubelet.events.recorder.Recorder`)."""

    def record(self, about: Named, type: str, reason: str, message: str, *, field_path: str = "") -> None: ...


class Tallied(NamedTuple):
    """The answers to one probe of one container."""

    pod: Pod
    container: str
    kind: Kind
    tally: Tally


class _Watched:
    # A pod as it was told last.
    def __init__(self, pod: Pod, pod_ip: str) -> None:
        self.pod = pod
        self.pod_ip = pod_ip
        self.containers: dict[str, ContainerProbes] = {}


class Probes:
    """Asks the containers that run what their probes say. Close it.

    Parameters: `ask` asks one question; `on_change` is called with the uid of a pod whose verdicts have changed;
    `timer` is the loop where it is None. Must be made within the loop.
    """

    def __init__(
        self,
        ask: Ask,
        recorder: Records,
        on_change: Callable[[str], None],
        *,
        timer: Timer | None = None,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ask = ask
        self._recorder = recorder
        self._on_change = on_change
        self._timer: Timer = timer or asyncio.get_running_loop()
        self._wall = wall
        self._chance = chance
        self._begun = wall()
        self._pods: dict[str, _Watched] = {}

    def watch(self, pod: Pod, running: Mapping[str, Running], pod_ip: str) -> None:
        """Ask the containers that run now, by name, and no others of this pod.

        A container that is known by its id goes on with what is known of it. Of one that runs longer than the agent,
        the pod's status says what was known. A pod that is being deleted is asked for its readiness alone.
        """
        watched = self._pods.setdefault(pod.metadata.uid, _Watched(pod, pod_ip))
        watched.pod, watched.pod_ip = pod, pod_ip
        for name, probes in tuple(watched.containers.items()):
            now = running.get(name)
            if now is None or now.container_id != probes.running.container_id:
                probes.stop()
                del watched.containers[name]
        for container in _probed(pod):
            if container.name in running and container.name not in watched.containers:
                found = running[container.name]
                known = _status_of(pod, container.name, found.container_id)
                around = self._surroundings(watched)
                watched.containers[container.name] = ContainerProbes(container, found, known, around)
        if pod.metadata.deletion_timestamp is not None:
            for probes in watched.containers.values():
                probes.quiet()

    def verdicts(self, pod_uid: str) -> dict[str, Verdict]:
        """What is known of the containers of a pod that were running at the last watch(), by name."""
        watched = self._pods.get(pod_uid)
        return {name: probes.verdict() for name, probes in watched.containers.items()} if watched else {}

    def forget(self, pod_uid: str) -> None:
        """The pod is gone: ask it nothing more."""
        watched = self._pods.pop(pod_uid, None)
        for probes in watched.containers.values() if watched else ():
            probes.stop()

    def tallies(self) -> Iterator[Tallied]:
        """The answers so far, of the containers that run."""
        for watched in self._pods.values():
            for name, probes in watched.containers.items():
                for kind, tally in probes.tallies():
                    yield Tallied(watched.pod, name, kind, tally)

    async def close(self) -> None:
        """Ask nobody anything more; when it returns no question is under way."""
        probes = [one for watched in self._pods.values() for one in watched.containers.values()]
        tasks = [task for one in probes for task in one.tasks()]
        for uid in tuple(self._pods):
            self.forget(uid)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _surroundings(self, watched: _Watched) -> Surroundings:
        return Surroundings(
            ask=self._ask,
            timer=self._timer,
            wall=self._wall,
            lag=self._lag,
            changed=partial(self._on_change, watched.pod.metadata.uid),
            answered=partial(self._answered, watched),
            pod_ip=lambda: watched.pod_ip,
        )

    def _lag(self, period: int, started_at: float) -> float:
        # An agent that was restarted finds all containers at once, and must not ask all at once for ever.
        return self._chance() * period if started_at < self._begun else 0.0

    def _answered(self, watched: _Watched, container: Container, kind: Kind, answer: Answer) -> None:
        if answer.outcome is Outcome.FAILURE:
            reason, text = "Unhealthy", f"{kind.value} probe failed: {answer.message}"
        elif answer.outcome is Outcome.UNKNOWN:
            reason, text = "Unhealthy", f"{kind.value} probe errored and resulted in unknown state: {answer.message}"
        elif answer.is_warning:
            reason, text = "ProbeWarning", f"{kind.value} probe warning: {answer.message}"
        else:
            return
        path = _field_path(watched.pod, container.name)
        self._recorder.record(watched.pod, "Warning", reason, text, field_path=path)


def _probed(pod: Pod) -> list[Container]:
    return [*pod.spec.containers, *(one for one in pod.spec.init_containers if one.restart_policy == "Always")]


def _field_path(pod: Pod, name: str) -> str:
    field = "containers" if any(one.name == name for one in pod.spec.containers) else "initContainers"
    return f"spec.{field}{{{name}}}"


def _status_of(pod: Pod, name: str, container_id: str) -> ContainerStatus | None:
    for status in (*pod.status.container_statuses, *pod.status.init_container_statuses):
        if status.name == name and status.container_id.rpartition("//")[2] == container_id:
            return status
    return None
