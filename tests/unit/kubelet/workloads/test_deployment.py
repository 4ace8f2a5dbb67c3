"""Deployments and DaemonSets have the pods that they should have, and change them no faster than they may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import Condition, LabelSelector, ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec, PodTemplateSpec
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import (
    DaemonSet,
    DaemonSetSpec,
    Deployment,
    DeploymentSpec,
    DeploymentStrategy,
)
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.workloads.daemon_set import decide_daemon_set
from firkin.kubelet.workloads.deployment import decide_deployment

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
READY = PodStatus(phase="Running", conditions=[Condition(type="Ready", status="True", last_transition_time=NOW)])


def template(image: str = "c:1", **selector: str) -> PodTemplateSpec:
    spec = PodSpec(containers=[Container(name="c", image=image)], node_selector=selector)
    return PodTemplateSpec(metadata=ObjectMeta(labels={"app": "x"}), spec=spec)


def deployment(replicas: int, image: str = "c:1", strategy: str = "RollingUpdate", ready: int = 0) -> Deployment:
    spec = DeploymentSpec(
        selector=LabelSelector(match_labels={"app": "x"}),
        template=template(image),
        replicas=replicas,
        strategy=DeploymentStrategy(type=strategy),
        min_ready_seconds=ready,
    )
    return complete(Deployment(metadata=ObjectMeta(name="d", uid="1", generation=1), spec=spec))


class World:
    """Pods as a node would run them."""

    def __init__(self, item: Deployment) -> None:
        self.item = item
        self.pods: list[Pod] = []

    def step(self, now: datetime = NOW) -> None:
        decision = decide_deployment(self.item, self.pods, now)
        names = {pod.metadata.name for pod in decision.delete if isinstance(pod, Pod)}
        self.pods = [pod for pod in self.pods if pod.metadata.name not in names]
        self.pods += [pod for pod in decision.create if isinstance(pod, Pod)]
        self.item = replace(self.item, status=decision.status)

    def make_ready(self, count: int = 99) -> None:
        waiting = [pod for pod in self.pods if pod.status != READY][:count]
        self.pods = [replace(pod, status=READY) if pod in waiting else pod for pod in self.pods]

    @property
    def ready(self) -> int:
        return sum(pod.status == READY for pod in self.pods)

    def images(self) -> list[str]:
        return sorted(pod.spec.containers[0].image for pod in self.pods)


def test_pods_are_made_and_given_up() -> None:
    world = World(deployment(3))
    world.step()
    assert len(world.pods) == 3
    (owner,) = world.pods[0].metadata.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("Deployment", "d", True)
    world.make_ready(2)
    world.step()
    status = world.item.status
    assert (status.replicas, status.ready_replicas, status.unavailable_replicas) == (3, 2, 1)
    world.item = replace(world.item, spec=replace(world.item.spec, replicas=2))
    world.step()
    # What is not ready goes first.
    assert (len(world.pods), world.ready) == (2, 2)
    world.pods[0] = replace(world.pods[0], status=PodStatus(phase="Failed"))
    world.step()
    assert len(world.pods) == 2 and all(pod.status.phase != "Failed" for pod in world.pods)


def refused(pod: Pod) -> Pod:
    metadata = replace(pod.metadata, creation_timestamp=NOW)
    return replace(pod, metadata=metadata, status=PodStatus(phase="Failed", reason="OutOfcpu"))


def test_a_pod_that_the_node_does_not_take_is_not_made_again_at_once() -> None:
    world = World(deployment(2))
    world.step()
    pods = [refused(world.pods[0]), world.pods[1]]
    decision = decide_deployment(world.item, pods, NOW + timedelta(seconds=9))
    assert (decision.create, decision.delete, decision.again) == ((), (), NOW + timedelta(seconds=10))
    decision = decide_deployment(world.item, pods, NOW + timedelta(seconds=10))
    assert (len(decision.create), decision.delete) == (1, (pods[0],))
    (pod,) = decide_daemon_set(daemons(), [], NOW, {}).create
    assert isinstance(pod, Pod)
    again = decide_daemon_set(daemons(), [refused(pod)], NOW, {})
    assert (again.create, again.delete, again.again) == ((), (), NOW + timedelta(seconds=10))
    assert len(decide_daemon_set(daemons(), [refused(pod)], NOW + timedelta(seconds=10), {}).create) == 1


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 10])
def test_a_rolling_update_keeps_enough_pods_and_not_too_many(replicas: int) -> None:
    world = World(deployment(replicas))
    world.step()
    world.make_ready()
    world.step()
    world.item = replace(deployment(replicas, "c:2"), status=world.item.status)
    fewest, most = replicas - replicas // 4, replicas + -(-replicas // 4)
    for _ in range(10 * replicas):
        world.step()
        assert world.ready >= fewest and len(world.pods) <= most
        world.make_ready(1)
    assert world.images() == ["c:2"] * replicas
    progress = next(one for one in world.item.status.conditions if one.type == "Progressing")
    assert progress.reason == "NewReplicaSetAvailable"


def test_an_update_that_does_not_get_ready_stops_and_is_told() -> None:
    world = World(deployment(4))
    world.step()
    world.make_ready()
    world.step()
    world.item = replace(deployment(4, "broken"), status=world.item.status)
    for _ in range(5):
        world.step()
    assert world.ready == 3
    decision = decide_deployment(world.item, world.pods, NOW)
    assert decision.again == NOW + timedelta(seconds=600)
    world.step(NOW + timedelta(seconds=600))
    progress = next(one for one in world.item.status.conditions if one.type == "Progressing")
    assert (progress.status, progress.reason) == ("False", "ProgressDeadlineExceeded")
    # Back to what it was.
    world.item = replace(deployment(4), status=world.item.status)
    for _ in range(5):
        world.step()
        world.make_ready()
    assert world.images() == ["c:1"] * 4


def test_recreate_waits_for_the_last_of_the_old_pods() -> None:
    world = World(deployment(2, strategy="Recreate"))
    world.step()
    world.item = deployment(2, "c:2", "Recreate")
    going = [replace(pod, metadata=replace(pod.metadata, deletion_timestamp=NOW)) for pod in world.pods]
    decision = decide_deployment(world.item, world.pods, NOW)
    assert (len(decision.create), len(decision.delete)) == (0, 2)
    assert decide_deployment(world.item, going, NOW).create == ()
    assert len(decide_deployment(world.item, [], NOW).create) == 2


def test_a_pod_counts_when_it_has_been_ready_for_long_enough() -> None:
    world = World(deployment(1, ready=10))
    world.step()
    world.make_ready()
    decision = decide_deployment(world.item, world.pods, NOW + timedelta(seconds=9))
    assert (decision.status.ready_replicas, decision.status.available_replicas) == (1, 0)
    assert decision.again == NOW + timedelta(seconds=10)
    assert decide_deployment(world.item, world.pods, NOW + timedelta(seconds=10)).status.available_replicas == 1


def test_a_paused_deployment_does_not_roll() -> None:
    world = World(deployment(2))
    world.step()
    paused = deployment(2, "c:2")
    world.item = replace(paused, spec=replace(paused.spec, paused=True))
    world.step()
    assert world.images() == ["c:1"] * 2


def daemons(image: str = "c:1", **selector: str) -> DaemonSet:
    spec = DaemonSetSpec(selector=LabelSelector(match_labels={"app": "x"}), template=template(image, **selector))
    return complete(DaemonSet(metadata=ObjectMeta(name="d", uid="1", generation=1), spec=spec))


def test_a_daemon_set_has_one_pod() -> None:
    decision = decide_daemon_set(daemons(), [], NOW, {})
    (pod,) = decision.create
    assert isinstance(pod, Pod)
    assert decision.status.desired_number_scheduled == 1
    ready = replace(pod, status=READY)
    decision = decide_daemon_set(daemons(), [ready], NOW, {})
    assert (decision.create, decision.delete) == ((), ())
    assert (decision.status.number_available, decision.status.updated_number_scheduled) == (1, 1)
    failed = replace(pod, status=PodStatus(phase="Failed"))
    decision = decide_daemon_set(daemons(), [failed], NOW, {})
    assert (len(decision.create), decision.delete) == (1, (failed,))


def test_a_daemon_set_is_updated_by_one_pod_after_the_other() -> None:
    (pod,) = decide_daemon_set(daemons(), [], NOW, {}).create
    assert isinstance(pod, Pod)
    decision = decide_daemon_set(daemons("c:2"), [replace(pod, status=READY)], NOW, {})
    assert (decision.create, len(decision.delete)) == ((), 1)
    going = replace(pod, metadata=replace(pod.metadata, deletion_timestamp=NOW))
    assert decide_daemon_set(daemons("c:2"), [going], NOW, {}).create == ()
    assert len(decide_daemon_set(daemons("c:2"), [], NOW, {}).create) == 1


def test_a_daemon_set_for_other_nodes_has_no_pod() -> None:
    item = daemons(disk="ssd")
    assert decide_daemon_set(item, [], NOW, {}).create == ()
    decision = decide_daemon_set(item, [], NOW, {"disk": "ssd"})
    assert len(decision.create) == 1
    (pod,) = decision.create
    assert isinstance(pod, Pod)
    decision = decide_daemon_set(item, [pod], NOW, {"disk": "hdd"})
    assert (decision.delete, decision.status.number_misscheduled) == ((pod,), 1)
