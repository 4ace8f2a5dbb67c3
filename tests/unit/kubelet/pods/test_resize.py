"""Resizing a pod in place: what is given, what is done to its containers in which order, and what is reported."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.kubelet.api.container import Container, ContainerResizePolicy, ResourceRequirements
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus, PodStatus
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.pods.actions import compute_actions
from firkin.kubelet.pods.allocation import Allocation
from firkin.kubelet.pods.resize import Resize, actual_resources, in_order, resizes_of
from firkin.kubelet.pods.resizing import Resizing
from firkin.kubelet.resources.admission import Refusal
from tests.support.pod_tables import container, exited, make_pod, runs, sidecar, view

MI = 1 << 20
RESTART_FOR_MEMORY = [ContainerResizePolicy(resource_name="memory", restart_policy="RestartContainer")]


def sized(name: str, cpu: str, memory: str = "64Mi", **more: Any) -> Container:
    """A container that is limited to what it requests."""
    amounts: dict[str, Quantity] = {"cpu": cpu, "memory": memory}
    return container(name, resources=ResourceRequirements(limits=amounts, requests=amounts), **more)


def limits(cpu: int, memory: int = 64) -> LinuxContainerResources:
    """So many thousandths of a processor and mebibytes."""
    return LinuxContainerResources(
        cpu_shares=cpu * 1024 // 1000, cpu_quota=cpu * 100, cpu_period=100_000, memory_limit_in_bytes=memory * MI
    )


def reported(pod: Pod, *conditions: str) -> Pod:
    """The pod with a status that says it was given what it asks for."""
    statuses = [
        ContainerStatus(name=one.name, allocated_resources=one.resources.requests, resources=one.resources)
        for one in pod.spec.containers
    ]
    found = [Condition(type=one, status="True") for one in conditions]
    return replace(pod, status=PodStatus(container_statuses=statuses, conditions=found))


def asking(pod: Pod, *containers: Container) -> Pod:
    """The pod with other containers, and its next generation."""
    metadata = replace(pod.metadata, generation=pod.metadata.generation + 1)
    return replace(pod, metadata=metadata, spec=replace(pod.spec, containers=list(containers)))


SMALL = make_pod(sized("a", "500m"))
BIG = sized("a", "1")


def test_what_was_given_is_in_the_status() -> None:
    pod = asking(reported(SMALL), BIG)
    assert Allocation.recorded(pod).given_to(pod).spec == SMALL.spec
    assert Allocation.wanted(pod).given_to(pod) is pod
    # Nobody has looked at it: it is as it was made.
    assert Allocation.recorded(asking(SMALL, BIG)).is_as(Allocation.wanted(asking(SMALL, BIG)))


def test_what_is_written_otherwise_is_no_resize() -> None:
    same = Allocation.wanted(make_pod(sized("a", "0.5", "67108864")))
    assert Allocation.wanted(SMALL).is_as(same)
    assert not Allocation.wanted(make_pod(BIG)).is_as(same)


def test_resources_of_the_pod_and_those_that_can_not_change() -> None:
    own = ResourceRequirements(requests={"cpu": "1"}, limits={"cpu": "1", "hugepages-2Mi": "2Mi"})
    pod = replace(SMALL, spec=replace(SMALL.spec, resources=own))
    status = PodStatus(allocated_resources={"cpu": "2"}, resources=ResourceRequirements(limits={"cpu": "3"}))
    given = Allocation.recorded(replace(pod, status=status)).given_to(pod).spec.resources
    assert given == ResourceRequirements(requests={"cpu": "2"}, limits={"cpu": "3", "hugepages-2Mi": "2Mi"})


@pytest.mark.parametrize(
    ("seen", "wanted", "found"),
    [
        (runs("a", resources=limits(500)), limits(500), ""),
        (runs("a", resources=limits(500)), limits(600), "a"),
        (runs("a", resources=limits(500)), limits(500, 32), "a restarts"),
        # A limit that there was not.
        (runs("a", resources=LinuxContainerResources(cpu_shares=512)), limits(500), "a restarts"),
        # Where the runtime does not tell, all may be different.
        (runs("a", resources=None), limits(500), "a restarts"),
        # It begins with what was given.
        (exited("a", resources=limits(1)), limits(500), ""),
    ],
)
def test_which_containers_have_other_limits(seen: Any, wanted: LinuxContainerResources, found: str) -> None:
    pod = make_pod(sized("a", "500m", resize_policy=RESTART_FOR_MEMORY))
    resizes = resizes_of(pod, view(seen), {"a": wanted})
    assert " ".join(f"{name} restarts" if one.restarts else name for name, one in resizes.items()) == found


def test_other_files_of_the_cgroup_are_of_memory() -> None:
    before, wanted = limits(500), limits(500)
    wanted.unified["memory.high"] = "1000"
    (resize,) = resizes_of(make_pod(sized("a", "500m")), view(runs("a", resources=before)), {"a": wanted}).values()
    assert not resize.restarts


def test_those_that_give_something_back_come_first() -> None:
    changes = {"up": (500, 64, 600, 64), "more": (500, 64, 500, 128), "down": (500, 64, 400, 32)}
    found = [
        Resize(container(name), name, limits(cpu, memory), limits(was_cpu, was_memory), restarts=False)
        for name, (was_cpu, was_memory, cpu, memory) in changes.items()
    ]
    assert [one.id for one in in_order(found)] == ["down", "up", "more"]
    assert [one.lowers_memory_to for one in in_order(found)] == [32 * MI, 0, 0]


def test_what_a_container_still_has_is_told() -> None:
    resize = Resize(BIG, "a-id", limits(1000, 128), limits(500), restarts=False)
    has = actual_resources(resize)
    assert has.limits == {"cpu": "500m", "memory": str(64 * MI)}
    assert has.requests == {"cpu": "500m", "memory": "64Mi"}


def test_what_is_done() -> None:
    pod = make_pod(
        sized("a", "500m"),
        sized("b", "500m", resize_policy=RESTART_FOR_MEMORY),
        init=[sidecar("s", resize_policy=RESTART_FOR_MEMORY)],
    )
    seen = view(*(runs(name, resources=limits(500)) for name in ("a", "b", "s")))
    assert compute_actions(pod, seen, {}) == compute_actions(pod, seen, {}, None)
    resizes = resizes_of(pod, seen, {name: limits(500, 128) for name in ("a", "b", "s")})
    actions = compute_actions(pod, seen, {}, resizes)
    assert actions.resize is not None and [one.id for one in actions.resize] == ["a-id"]
    kills = {one.name: (one.message, one.restart) for one in actions.to_kill.values()}
    assert kills == {name: (f"Container {name} resize requires restart", True) for name in ("b", "s")}
    assert ([one.name for one in actions.containers], [one.name for one in actions.init]) == (["b"], ["s"])
    # Of the pod alone, the cgroup.
    assert bool(compute_actions(pod, seen, {}, {}))


def told(resizing: Resizing, pod: Pod) -> list[tuple[str, str, int | None]]:
    return [(one.type, one.reason, one.observed_generation) for one in resizing.conditions(pod)]


def test_a_resize_is_given_and_done() -> None:
    resizing = Resizing(reported(SMALL))
    assert resizing.decide(SMALL, lambda _: None) is None
    pod = asking(reported(SMALL), BIG)
    note = resizing.decide(pod, lambda _: None)
    assert note is not None and note[:2] == ("Normal", "ResizeStarted")
    assert note.message.startswith('Pod resize started: {"containers":[{"name":"a","resources":{"limits":{"cpu":"1",')
    assert told(resizing, pod) == [("PodResizeInProgress", "", 1)]
    assert resizing.given_to(pod) is pod
    assert resizing.before is not None and resizing.before.spec == SMALL.spec
    failed = resizing.end(pod, "it is in use")
    assert failed is not None and failed.reason == "ResizeError" and '"error":"it is in use"' in failed.message
    assert told(resizing, pod) == [("PodResizeInProgress", "Error", 1)]
    assert resizing.end(pod, "it is in use") is None
    done = resizing.end(pod, "")
    assert done is not None and done[:2] == ("Normal", "ResizeCompleted")
    assert told(resizing, pod) == [] and resizing.before is None


def test_a_resize_that_there_is_no_room_for_waits() -> None:
    resizing = Resizing(reported(SMALL))
    pod = asking(reported(SMALL), BIG)
    refusal = Refusal("Deferred", "Node didn't have enough resource: cpu")
    note = resizing.decide(pod, lambda _: refusal)
    assert note is not None and note[:2] == ("Warning", "ResizeDeferred")
    assert resizing.decide(pod, lambda _: refusal) is None
    assert resizing.is_pending and resizing.given_to(pod).spec == SMALL.spec
    assert told(resizing, pod) == [("PodResizePending", "Deferred", 1)]
    assert resizing.decide(pod, lambda _: None) is not None
    assert told(resizing, pod) == [("PodResizeInProgress", "", 1)] and not resizing.is_pending


def test_another_resize_while_one_is_under_way() -> None:
    resizing = Resizing(reported(SMALL))
    first = asking(reported(SMALL), BIG)
    resizing.decide(first, lambda _: None)
    second = asking(first, sized("a", "8"))
    resizing.decide(second, lambda _: Refusal("Infeasible", "too much"))
    assert told(resizing, second) == [("PodResizePending", "Infeasible", 2), ("PodResizeInProgress", "", 1)]
    assert resizing.given_to(second).spec == first.spec
    # Taken back.
    third = asking(second, BIG)
    assert resizing.decide(third, lambda _: None) is None
    assert told(resizing, third) == [("PodResizeInProgress", "", 1)]
    # What the containers may have is what they had in the beginning.
    fourth = asking(third, sized("a", "250m"))
    resizing.decide(fourth, lambda _: None)
    assert resizing.before is not None and resizing.before.spec == SMALL.spec


def test_an_agent_that_was_killed_meanwhile_goes_on() -> None:
    assert Resizing(reported(SMALL)).before is None
    resizing = Resizing(reported(SMALL, "PodResizeInProgress"))
    assert resizing.before is not None
