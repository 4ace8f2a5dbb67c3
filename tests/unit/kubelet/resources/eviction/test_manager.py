"""The loop of eviction: one pod at a time, what is spared, and what is tried before a pod has to go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from firkin.errors import NotFoundError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.eviction.admission import admit_under_pressure
from firkin.kubelet.resources.eviction.manager import Eviction
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.eviction.signals import Observation
from firkin.kubelet.resources.eviction.storage import excess, has_limits
from firkin.kubelet.resources.eviction.thresholds import parse_thresholds
from firkin.kubelet.resources.eviction.usage import ContainerUsage, DiskUse, PodUsage
from tests.support.pods import pod_of

MI = 1 << 20


class Small:
    """A node with numbers for memory and disk, on which pods are numbers, too."""

    separate_images = False

    def __init__(self, memory: int = 1000, disk: int = 1000, **pods: int) -> None:
        self.memory, self.disk = memory, disk
        self.uses = pods
        self.there = {name: pod_of(name=name, uid=name) for name in pods}
        self.evicted: list[tuple[str, int]] = []
        self.conditions: list[set[str]] = []
        self.resources: list[str] = []
        self.garbage = 0
        self.volumes: dict[str, int] = {}
        self.asked_for_disk: list[list[str]] = []

    async def observe(self) -> Mapping[str, Observation]:
        return {
            "memory.available": Observation(self.memory, 1000),
            "nodefs.available": Observation(self.disk, 1000),
        }

    async def usage(self, pods: Sequence[Pod], *, disk: bool) -> Mapping[str, PodUsage]:
        if disk:
            self.asked_for_disk.append([pod.metadata.name for pod in pods])
        return {
            name: PodUsage(
                memory=use,
                containers={"main": ContainerUsage(use, DiskUse(use))},
                volumes={"data": DiskUse(self.volumes.get(name, 0))},
            )
            for name, use in self.uses.items()
        }

    def pods(self) -> Sequence[Pod]:
        return list(self.there.values())

    async def evict(self, pod: Pod, message: str, grace: int) -> bool:
        name = pod.metadata.name
        self.evicted.append((name, grace))
        del self.there[name]
        self.memory += self.uses[name]
        self.disk += self.uses[name]
        return True

    async def free_disk(self, signal: str) -> bool:
        self.disk, freed = self.disk + self.garbage, self.garbage
        self.garbage = 0
        return bool(freed)

    def told(self, conditions: frozenset[str]) -> None:
        self.conditions.append(set(conditions))

    def reclaiming(self, resource: str) -> None:
        self.resources.append(resource)


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _eviction(small: Small, clock: Clock | None = None, **settings: Any) -> Eviction:
    known = EvictionSettings(
        **{"hard": ("memory.available<100", "nodefs.available<100"), "soft": (), "soft_grace": (), **settings}
    )
    thresholds = parse_thresholds(known, allocatable=False)
    return Eviction(known, thresholds, small, small, clock=clock or Clock())


def _synchronize(eviction: Eviction) -> bool:
    return asyncio.run(eviction.synchronize())


def test_nothing_is_done_while_there_is_enough() -> None:
    small = Small(a=10)
    assert not _synchronize(_eviction(small))
    assert not small.evicted and not small.conditions


def test_one_pod_at_a_time_until_it_is_enough() -> None:
    small = Small(memory=10, a=50, b=70, c=20)
    eviction = _eviction(small)
    assert _synchronize(eviction) and small.evicted == [("b", 1)]
    assert _synchronize(eviction) is True and small.evicted == [("b", 1), ("a", 1)]
    assert not _synchronize(eviction)
    assert small.conditions == [{"MemoryPressure"}] and small.resources == ["memory", "memory"]


def test_critical_pods_are_spared() -> None:
    small = Small(memory=10, a=50, b=70)
    small.there["b"] = pod_of({"priorityClassName": "system-cluster-critical"}, name="b", uid="b")
    assert _synchronize(_eviction(small)) and small.evicted == [("a", 1)]


def test_if_nobody_may_be_evicted_nobody_is() -> None:
    small = Small(memory=10, b=70)
    small.there["b"] = pod_of(name="b", uid="b", annotations={"kubernetes.io/config.source": "file"})
    assert not _synchronize(_eviction(small)) and not small.evicted


def test_soft_thresholds_leave_pods_the_time_that_the_node_allows() -> None:
    small, clock = Small(memory=150, a=50), Clock()
    eviction = _eviction(small, clock, soft=("memory.available<200",), soft_grace=("memory.available=30s",),
                         max_pod_grace_seconds=45)  # fmt: skip
    assert not _synchronize(eviction) and small.conditions == [{"MemoryPressure"}]
    clock.now += 30
    assert _synchronize(eviction) and small.evicted == [("a", 45)]


def test_of_disk_garbage_goes_first_and_pods_only_if_that_is_not_enough() -> None:
    small = Small(disk=50, a=500)
    small.garbage = 60
    eviction = _eviction(small)
    assert not _synchronize(eviction) and not small.evicted and small.disk == 110
    small.disk, small.garbage = 20, 10
    assert _synchronize(eviction) and small.evicted == [("a", 1)]
    assert small.resources == ["ephemeral-storage"] * 2


def test_a_pod_that_writes_more_than_it_may_goes_whatever_is_left() -> None:
    small, clock = Small(a=10, b=10), Clock()
    limited = {"volumes": [{"name": "data", "emptyDir": {"sizeLimit": "100"}}]}
    small.there["a"] = pod_of(limited, name="a", uid="a")
    eviction = _eviction(small, clock)
    small.volumes["a"] = 100
    assert not _synchronize(eviction)
    small.volumes["a"] = 101
    # Files are counted from time to time only, and only those of pods that have limits.
    assert not _synchronize(eviction)
    clock.now += 60
    assert _synchronize(eviction) and small.evicted == [("a", 1)]
    assert small.asked_for_disk == [["a"], ["a"]]


def test_a_failure_to_look_is_not_the_end() -> None:
    small = Small(memory=10, a=500)
    failures = [NotFoundError("gone"), OSError("gone")]

    async def observe() -> Mapping[str, Observation]:
        if failures:
            raise failures.pop()
        return {"memory.available": Observation(small.memory, 1000)}

    small.observe = observe  # type: ignore[method-assign]

    async def body() -> None:
        task = asyncio.create_task(_eviction(small, interval_seconds=0, triggers=()).run())
        async with asyncio.timeout(60):
            while not small.evicted:
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(body())
    assert small.evicted == [("a", 1)]


BEST_EFFORT = pod_of()
TOLERANT = pod_of({"tolerations": [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]})
ELSE = pod_of({"tolerations": [{"key": "node.kubernetes.io/disk-pressure", "operator": "Exists"}]})
EVERYTHING = pod_of({"tolerations": [{"operator": "Exists"}]})
NOT_THIS = pod_of({"tolerations": [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists",
                                    "effect": "NoExecute"}]})  # fmt: skip
BURSTABLE = pod_of({"containers": [{"name": "main", "resources": {"requests": {"cpu": "1m"}}}]})
CRITICAL = pod_of({"priority": 2_000_000_000})


@pytest.mark.parametrize(
    ("pod", "conditions", "admitted"),
    [
        (BEST_EFFORT, set(), True),
        (BEST_EFFORT, {"MemoryPressure"}, False),
        (BEST_EFFORT, {"DiskPressure"}, False),
        (BURSTABLE, {"MemoryPressure"}, True),
        (BURSTABLE, {"DiskPressure"}, False),
        (BURSTABLE, {"MemoryPressure", "PIDPressure"}, False),
        (TOLERANT, {"MemoryPressure"}, True),
        (EVERYTHING, {"MemoryPressure"}, True),
        (TOLERANT, {"DiskPressure"}, False),
        (ELSE, {"MemoryPressure"}, False),
        (NOT_THIS, {"MemoryPressure"}, False),
        (CRITICAL, {"DiskPressure", "MemoryPressure"}, True),
    ],
)
def test_whom_a_node_under_pressure_takes(pod: Pod, conditions: set[str], admitted: bool) -> None:
    refusal = admit_under_pressure(pod, frozenset(conditions))
    assert (refusal is None) is admitted
    if refusal:
        assert refusal.reason == "Evicted"
        assert refusal.message == f"The node had condition: [{' '.join(sorted(conditions))}]. "


SIZED = {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]}
STORAGE = {"name": "main", "resources": {"limits": {"ephemeral-storage": "10Mi"}}}


@pytest.mark.parametrize(
    ("spec", "used", "separate", "expected"),
    [
        (SIZED, PodUsage(volumes={"v": DiskUse(MI + 1)}), False,
         'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
        (SIZED, PodUsage(volumes={"v": DiskUse(MI)}), False, ""),
        ({"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "0"}}]}, PodUsage(volumes={"v": DiskUse(MI)}), False, ""),
        ({"containers": [STORAGE]}, PodUsage(volumes={"v": DiskUse(11 * MI)}), False,
         "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "),
        ({"containers": [STORAGE]},
         PodUsage(containers={"main": ContainerUsage(root=DiskUse(8 * MI), logs=DiskUse(3 * MI))}), False,
         "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "),
        ({"containers": [STORAGE]},
         PodUsage(containers={"main": ContainerUsage(root=DiskUse(8 * MI), logs=DiskUse(3 * MI))}), True, ""),
        ({"containers": [STORAGE, {**STORAGE, "name": "b"}]},
         PodUsage(containers={"main": ContainerUsage(root=DiskUse(11 * MI))}), False,
         'Container main exceeded its local ephemeral storage limit "10Mi". '),
        ({"containers": [STORAGE, {"name": "b"}]}, PodUsage(containers={"b": ContainerUsage(root=DiskUse(9 * MI))}),
         False, ""),
    ],
)  # fmt: skip
def test_limits_of_what_pods_write(spec: dict[str, Any], used: PodUsage, separate: bool, expected: str) -> None:
    assert has_limits(pod_of(spec))
    assert excess(pod_of(spec), used, separate_images=separate) == expected


def test_a_pod_without_limits_may_write() -> None:
    assert not has_limits(pod_of({"volumes": [{"name": "v", "emptyDir": {}}]}))
