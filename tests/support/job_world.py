"""A Job, and pods that end as a test says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec, PodTemplateSpec
from firkin.kubelet.api.pod_status import ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus
from firkin.kubelet.api.workload import Job, JobSpec
from firkin.kubelet.objects.defaults import complete, complete_job
from firkin.kubelet.workloads.decision import Decision
from firkin.kubelet.workloads.job import COUNTED, decide_job

__all__ = ["NOW", "World", "ends", "job"]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(**spec: Any) -> Job:
    """A Job with a container, c; `restart` is the policy of its pods."""
    containers = [Container(name="c", image="c:1")]
    template = PodTemplateSpec(spec=PodSpec(containers=containers, restart_policy=spec.pop("restart", "Never")))
    item = Job(metadata=ObjectMeta(name="j", uid="1"), spec=JobSpec(template=template, **spec))
    return complete_job(complete(item), "1")


class World:
    """A Job and its pods, whose ends are chosen."""

    def __init__(self, item: Job) -> None:
        self.item = item
        self.pods: list[Pod] = []
        self.now = NOW

    def step(self) -> Decision:
        """Decide once, and do it."""
        decision = decide_job(self.item, self.pods, self.now)
        self.item = replace(self.item, status=decision.status)
        marked = {pod.metadata.uid for pod in decision.mark}
        names = {pod.metadata.name for pod in decision.delete}
        self.pods = [self.mark(pod) if pod.metadata.uid in marked else pod for pod in self.pods]
        self.pods = [pod for pod in self.pods if pod.metadata.name not in names]
        for pod in decision.create:
            assert isinstance(pod, Pod)
            self.pods.append(replace(pod, metadata=replace(pod.metadata, uid=pod.metadata.name)))
        return decision

    def settle(self) -> Decision:
        """Decide until nothing changes."""
        for _ in range(9):
            before = (self.item, self.pods)
            decision = self.step()
            if (self.item, self.pods) == before:
                break
        return decision

    def mark(self, pod: Pod) -> Pod:
        """The pod as one that is counted."""
        return replace(pod, metadata=replace(pod.metadata, annotations={**pod.metadata.annotations, COUNTED: "true"}))

    def active(self) -> list[Pod]:
        """The pods that have not ended."""
        return [pod for pod in self.pods if pod.status.phase not in ("Succeeded", "Failed")]

    def end(self, phase: str, count: int = 1) -> None:
        """Have some pods end like this."""
        ended = ContainerStateTerminated(exit_code=0 if phase == "Succeeded" else 1, finished_at=self.now)
        status = PodStatus(
            phase=phase, container_statuses=[ContainerStatus(name="c", state=ContainerState(terminated=ended))]
        )
        names = [pod.metadata.name for pod in self.active()[:count]]
        self.pods = [replace(pod, status=status) if pod.metadata.name in names else pod for pod in self.pods]
        self.settle()


def ends(world: World) -> set[tuple[str, str, str]]:
    """The conditions that say how it ended."""
    return {(one.type, one.reason, one.message) for one in world.item.status.conditions}
