"""Which pods make room for a critical one."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.admission import NodeFacts
from firkin.kubelet.resources.node import NodeResources
from firkin.kubelet.resources.preemption import preempted
from tests.support.pods import pod_of

NODE = NodeFacts("node", NodeResources(cpu=1000, memory=1000, storage=1000, pods=5), {"disk": "ssd"})
CRITICAL = 2_000_000_000


def _pod(name: str, cpu: int = 0, memory: int = 0, *, quality: str = "Burstable", priority: int = 0) -> Pod:
    requests = {"cpu": f"{cpu}m", "memory": str(memory)}
    container = {"name": "main", "resources": {"requests": requests}}
    return pod_of({"containers": [container], "priority": priority}, {"qosClass": quality}, name=name, uid=name)


def _new(cpu: int = 0, memory: int = 0) -> Pod:
    return _pod("new", cpu, memory, priority=CRITICAL)


@pytest.mark.parametrize(
    ("new", "active", "expected"),
    [
        # There is room, or none is wanted.
        (_new(500), [_pod("a", 500)], ""),
        (_pod("new", 600), [_pod("a", 500)], ""),
        # One that is large enough and no larger.
        (_new(600), [_pod("a", 500)], "a"),
        (_new(200), [_pod("a", 500), _pod("b", 200), _pod("c", 300)], "b"),
        (_new(300), [_pod("a", 500), _pod("b", 200), _pod("c", 300)], "c"),
        # Several, if one does not do.
        (_new(700), [_pod("a", 400), _pod("b", 400), _pod("c", 200)], "ab"),
        # The lowest class that has enough.
        (_new(300), [_pod("a", 500, quality="Guaranteed"), _pod("b", 500)], "b"),
        (_new(700), [_pod("a", 500, quality="Guaranteed"), _pod("b", 500)], "ba"),
        # Too many pods: BestEffort ones count as much as others.
        (_new(), [_pod("a", 1), _pod("b", quality="BestEffort"), *(_pod(str(n), 1) for n in range(3))], "b"),
        # All that is missing must be had.
        (_new(500, 500), [_pod("a", 1000), _pod("b", 0, 1000)], "ab"),
        (_new(500, 500), [_pod("a", 1000), _pod("b", 0, 1000), _pod("c", 0, 0)], "ab"),
        # Critical pods give way to those above them alone.
        (_new(600), [_pod("a", 500, priority=CRITICAL)], ""),
        (_pod("new", 600, priority=CRITICAL + 1), [_pod("a", 500, priority=CRITICAL)], "a"),
        # If it would not do nobody has to go.
        (_new(1100), [_pod("a", 500)], ""),
        (_new(600), [_pod("a", 500, priority=CRITICAL), _pod("b", 50)], ""),
    ],
)
def test_who_makes_room(new: Pod, active: list[Pod], expected: str) -> None:
    assert "".join(pod.metadata.name for pod in preempted(new, active, NODE)) == expected


def test_room_is_not_what_a_pod_lacks_that_is_not_for_this_node() -> None:
    container = {"name": "main", "resources": {"requests": {"cpu": "600m"}}}
    new = pod_of({"containers": [container], "priority": CRITICAL, "nodeSelector": {"disk": "hdd"}})
    assert preempted(new, [_pod("a", 500)], NODE) == []
