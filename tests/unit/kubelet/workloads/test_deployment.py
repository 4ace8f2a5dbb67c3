"""Deployments and DaemonSets have the pods that they should have, and change them no faster than they may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
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
    ReplicaSet,
    RollingUpdate,
)
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.workloads.daemon_set import decide_daemon_set
from firkin.kubelet.workloads.decision import Decision
from firkin.kubelet.workloads.deployment import decide_deployment
from firkin.kubelet.workloads.pods import owned, template_hash
from firkin.kubelet.workloads.replica_set import decide_replica_set
from firkin.kubelet.workloads.revisions import revision_of
from firkin.kubelet.workloads.scaling import bounds_of

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
    """ReplicaSets and pods as the controller and a node would have them."""

    def __init__(self, item: Deployment) -> None:
        self.item = item
        self.sets: list[ReplicaSet] = []
        self.pods: list[Pod] = []
        self.told: list[str] = []
        self._made = 0

    def step(self, now: datetime = NOW) -> None:
        """Decide for the Deployment, and for all of its ReplicaSets then."""
        self.deploy(now)
        for one in self.sets:
            decision = decide_replica_set(one, owned(self.pods, one.metadata.uid), now)
            gone = {pod.metadata.name for pod in decision.delete}
            self.pods = [pod for pod in self.pods if pod.metadata.name not in gone]
            self.pods += [pod for pod in decision.create if isinstance(pod, Pod)]

    def deploy(self, now: datetime = NOW) -> Decision:
        """Decide for the Deployment."""
        decision = decide_deployment(self.item, self.sets, self.pods, now)
        changed = {one.metadata.name: one for one in (*decision.create, *decision.update)}
        if isinstance(marked := changed.pop("d", self.item), Deployment):
            self.item = replace(marked, status=decision.status)
        gone = {one.metadata.name for one in decision.delete}
        kept = [one for one in self.sets if one.metadata.name not in {*gone, *changed}]
        self.sets = [*kept, *(self._named(one) for one in changed.values() if isinstance(one, ReplicaSet))]
        self.told += [note.message for note in decision.notes]
        return decision

    def become(self, item: Deployment) -> None:
        """Another state of the Deployment is asked for."""
        annotations = {**item.metadata.annotations, **self.item.metadata.annotations}
        self.item = replace(item, metadata=replace(item.metadata, annotations=annotations), status=self.item.status)

    def roll_out(self) -> None:
        """All that it takes, each pod ready as soon as it is there."""
        for _ in range(30):
            self.step()
            self.make_ready()

    def _named(self, one: ReplicaSet) -> ReplicaSet:
        self._made += 1
        return one if one.metadata.uid else replace(one, metadata=replace(one.metadata, uid=f"set-{self._made}"))

    def make_ready(self, count: int = 99) -> None:
        waiting = [pod for pod in self.pods if pod.status != READY][:count]
        self.pods = [replace(pod, status=READY) if pod in waiting else pod for pod in self.pods]

    @property
    def ready(self) -> int:
        return sum(pod.status == READY for pod in self.pods)

    def images(self) -> list[str]:
        return sorted(pod.spec.containers[0].image for pod in self.pods)

    def revisions(self) -> dict[int, str]:
        """The image of each revision."""
        return {revision_of(one): one.spec.template.spec.containers[0].image for one in self.sets}


def test_pods_are_made_and_given_up() -> None:
    world = World(deployment(3))
    world.step()
    assert len(world.pods) == 3
    (owner,) = world.pods[0].metadata.owner_references
    (made,) = world.sets
    assert (owner.kind, owner.name, owner.controller) == ("ReplicaSet", made.metadata.name, True)
    (above,) = made.metadata.owner_references
    assert (above.kind, above.name, above.controller) == ("Deployment", "d", True)
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
    decision = decide_replica_set(world.sets[0], pods, NOW + timedelta(seconds=9))
    assert (decision.create, decision.delete, decision.again) == ((), (), NOW + timedelta(seconds=10))
    decision = decide_replica_set(world.sets[0], pods, NOW + timedelta(seconds=10))
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
    world.become(deployment(replicas, "c:2"))
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
    world.become(deployment(4, "broken"))
    for _ in range(5):
        world.step()
    assert world.ready == 3
    decision = world.deploy()
    assert decision.again == NOW + timedelta(seconds=600)
    world.step(NOW + timedelta(seconds=600))
    progress = next(one for one in world.item.status.conditions if one.type == "Progressing")
    assert (progress.status, progress.reason) == ("False", "ProgressDeadlineExceeded")
    # Back to what it was.
    world.become(deployment(4))
    for _ in range(5):
        world.step()
        world.make_ready()
    assert world.images() == ["c:1"] * 4


def test_recreate_waits_for_the_last_of_the_old_pods() -> None:
    world = World(deployment(2, strategy="Recreate"))
    world.roll_out()
    old = world.pods
    world.become(deployment(2, "c:2", "Recreate"))
    world.step()
    assert world.images() == []
    going = [replace(pod, metadata=replace(pod.metadata, deletion_timestamp=NOW)) for pod in old]
    world.pods = going
    world.step()
    assert world.pods == going
    world.pods = []
    world.step()
    assert world.images() == ["c:2"] * 2


def test_a_pod_counts_when_it_has_been_ready_for_long_enough() -> None:
    world = World(deployment(1, ready=10))
    world.step()
    world.make_ready()
    decision = world.deploy(NOW + timedelta(seconds=9))
    assert (decision.status.ready_replicas, decision.status.available_replicas) == (1, 0)
    assert decision.again == NOW + timedelta(seconds=10)
    assert world.deploy(NOW + timedelta(seconds=10)).status.available_replicas == 1
    status = decide_replica_set(world.sets[0], world.pods, NOW + timedelta(seconds=9)).status
    assert (status.replicas, status.ready_replicas, status.available_replicas) == (1, 1, 0)


def test_a_paused_deployment_does_not_roll_and_can_be_scaled() -> None:
    world = World(deployment(2))
    world.roll_out()
    paused = deployment(3, "c:2")
    world.become(replace(paused, spec=replace(paused.spec, paused=True)))
    world.step()
    assert world.images() == ["c:1"] * 3


def test_each_template_is_a_revision_and_one_that_comes_back_is_the_latest() -> None:
    world = World(deployment(2))
    for image in ("c:1", "c:2", "c:3"):
        world.become(deployment(2, image))
        world.roll_out()
    assert world.revisions() == {1: "c:1", 2: "c:2", 3: "c:3"}
    assert revision_of(world.item) == 3
    world.become(deployment(2, "c:1"))
    world.roll_out()
    assert world.revisions() == {2: "c:2", 3: "c:3", 4: "c:1"}
    (latest,) = [one for one in world.sets if revision_of(one) == 4]
    assert latest.metadata.annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert world.images() == ["c:1"] * 2 and revision_of(world.item) == 4


def test_what_is_said_and_what_is_meant_anyway_is_the_same_template() -> None:
    plain = b'{"metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"name":"c","image":"c:1"}]}}'
    said = (
        b'{"spec":{"restartPolicy":"Always","securityContext":{},"dnsPolicy":"ClusterFirst","containers":[{"image":"c:1",'
        b'"name":"c","resources":{},"terminationMessagePath":"/dev/termination-log"}]},"metadata":{"labels":{"b":"2",'
        b'"a":"1"}}}'
    )
    one, other = (msgspec.json.decode(text, type=PodTemplateSpec) for text in (plain, said))
    assert template_hash(one) == template_hash(other)
    assert template_hash(one) != template_hash(template("c:1"))


def test_no_more_revisions_are_remembered_than_is_said() -> None:
    world = World(deployment(1))
    for image in ("c:1", "c:2", "c:3", "c:4"):
        item = deployment(1, image)
        world.become(replace(item, spec=replace(item.spec, revision_history_limit=2)))
        world.roll_out()
    assert world.revisions() == {2: "c:2", 3: "c:3", 4: "c:4"}


def test_why_a_revision_was_made_goes_along_and_what_is_the_deployments_own_does_not() -> None:
    world = World(deployment(1))
    annotations = {"kubernetes.io/change-cause": "a fix", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    world.item = replace(world.item, metadata=replace(world.item.metadata, annotations=annotations))
    world.step()
    assert world.sets[0].metadata.annotations == {
        "kubernetes.io/change-cause": "a fix",
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "1",
        "deployment.kubernetes.io/max-replicas": "2",
    }


def test_it_is_told_how_many_pods_each_has() -> None:
    world = World(deployment(1))
    world.roll_out()
    world.become(deployment(1, "c:2"))
    world.roll_out()
    first, second = (one.metadata.name for one in sorted(world.sets, key=revision_of))
    assert world.told == [
        f"Scaled up replica set {first} from 0 to 1",
        f"Scaled up replica set {second} from 0 to 1",
        f"Scaled down replica set {first} from 1 to 0",
    ]


def test_what_is_scaled_during_a_rollout_is_shared_by_all_revisions() -> None:
    world = World(deployment(10))
    world.roll_out()
    world.become(deployment(10, "broken"))
    for _ in range(10):
        world.step()
    # 13 at the most, 8 that are available at least.
    assert sorted(one.spec.replicas for one in world.sets) == [5, 8]
    world.become(deployment(15, "broken"))
    world.step()
    # 19 at the most: 8 of 13 and 5 of 13 of that.
    assert sorted(one.spec.replicas for one in world.sets) == [7, 12]


@pytest.mark.parametrize(
    ("surge", "lacking", "replicas", "bounds"),
    [
        ("25%", "25%", 4, (4, 5, 3)),
        ("25%", "25%", 1, (1, 2, 1)),
        ("25%", "25%", 10, (10, 13, 8)),
        (0, "1%", 4, (4, 4, 3)),
        (2, 0, 4, (4, 6, 4)),
        (0, 100, 4, (4, 4, 0)),
        ("100%", 0, 0, (0, 0, 0)),
    ],
)
def test_how_many_pods_there_may_be(
    surge: int | str, lacking: int | str, replicas: int, bounds: tuple[int, int, int]
) -> None:
    item = deployment(replicas)
    strategy = DeploymentStrategy(rolling_update=RollingUpdate(max_surge=surge, max_unavailable=lacking))
    assert bounds_of(replace(item, spec=replace(item.spec, strategy=strategy))) == bounds


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
