"""Which pod goes first, and what is said of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.eviction.rank import rank
from firkin.kubelet.resources.eviction.signals import Observation
from firkin.kubelet.resources.eviction.text import canonical, eviction_message, node_conditions
from firkin.kubelet.resources.eviction.thresholds import Amount, Threshold
from firkin.kubelet.resources.eviction.usage import ContainerUsage, DiskUse, PodUsage
from tests.support.pods import pod_of

MI = 1 << 20


def _pod(name: str, request: str = "0", priority: int = 0, resource: str = "memory") -> Pod:
    container = {"name": "main", "resources": {"requests": {resource: request}}}
    return pod_of({"containers": [container], "priority": priority}, name=name, uid=name)


def _memory(**amounts: int) -> dict[str, PodUsage]:
    return {name: PodUsage(memory=amount * MI) for name, amount in amounts.items()}


def _disk(**amounts: tuple[int, int, int]) -> dict[str, PodUsage]:
    return {
        name: PodUsage(
            containers={"main": ContainerUsage(root=DiskUse(root, root), logs=DiskUse(logs, logs))},
            volumes={"data": DiskUse(volume, volume)},
        )
        for name, (root, logs, volume) in amounts.items()
    }


@pytest.mark.parametrize(
    ("pods", "usage", "expected"),
    [
        # Who uses more than was requested goes first, whatever the priority.
        ([_pod("a", "10Mi"), _pod("b", "10Mi", 1000)], _memory(a=10, b=11), "ba"),
        # Then who has the lower priority.
        ([_pod("a", "1Mi", 5), _pod("b", "1Mi", 1), _pod("c", "1Mi", 3)], _memory(a=100, b=2, c=50), "bca"),
        # Then who uses more beyond the request.
        ([_pod("a", "50Mi"), _pod("b"), _pod("c", "10Mi")], _memory(a=90, b=30, c=60), "cab"),
        # Of those within their requests, too.
        ([_pod("a", "50Mi"), _pod("b", "50Mi"), _pod("c", "50Mi", -1)], _memory(a=10, b=40, c=5), "cba"),
        # The class of service is not asked for: this one is Guaranteed and above its request.
        ([_pod("a", "100Mi"), _pod("b")], _memory(a=101, b=0), "ab"),
        # Of whom nothing is known goes before all others.
        ([_pod("a"), _pod("b", "10Mi", 9)], _memory(a=100), "ba"),
        # Those that are the same stay in their order.
        ([_pod("b"), _pod("a")], _memory(a=1, b=1), "ba"),
    ],
)
@pytest.mark.parametrize("signal", ["memory.available", "allocatableMemory.available", "memory.pressure"])
def test_memory(pods: list[Pod], usage: dict[str, PodUsage], expected: str, signal: str) -> None:
    assert "".join(pod.metadata.name for pod in rank(pods, usage, signal)) == expected


def test_processes_go_by_priority_and_number() -> None:
    usage = {name: PodUsage(processes=number) for name, number in (("a", 5), ("b", 50), ("c", 500))}
    pods = [_pod("a"), _pod("b"), _pod("c", priority=1)]
    assert [pod.metadata.name for pod in rank(pods, usage, "pid.available")] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("signal", "separate", "expected"),
    [
        ("nodefs.available", False, "cba"),
        ("imagefs.available", False, "cba"),
        ("nodefs.inodesFree", False, "cba"),
        ("nodefs.available", True, "bca"),
        ("imagefs.available", True, "cab"),
        ("containerfs.available", True, "cab"),
    ],
)
def test_disk_is_what_is_on_the_file_system_that_is_full(signal: str, separate: bool, expected: str) -> None:
    usage = _disk(a=(20, 1, 1), b=(10, 20, 20), c=(90, 1, 30))
    pods = [_pod("a"), _pod("b"), _pod("c")]
    assert "".join(pod.metadata.name for pod in rank(pods, usage, signal, separate_images=separate)) == expected


def test_requests_of_storage_count() -> None:
    pods = [_pod("a", "0", resource="ephemeral-storage"), _pod("b", "200", resource="ephemeral-storage")]
    usage = _disk(a=(1, 0, 0), b=(150, 0, 0))
    assert [pod.metadata.name for pod in rank(pods, usage, "nodefs.available")] == ["a", "b"]


THRESHOLD = Threshold("memory.available", Amount(100 * MI))
SEEN = {
    "memory.available": Observation(50 * MI + 1024, 1000 * MI),
    "nodefs.available": Observation(5 * MI, 100 * MI),
    "nodefs.inodesFree": Observation(7, 1000),
    "memory.pressure": Observation(35, 100),
}
USED = PodUsage(
    memory=300 * MI,
    containers={"main": ContainerUsage(200 * MI + 1, DiskUse(3 * MI), DiskUse(MI)), "side": ContainerUsage(5 * MI)},
)


def _said(threshold: Threshold, used: PodUsage | None = USED, **requests: str) -> str:
    containers: list[dict[str, Any]] = [
        {"name": "main", "resources": {"requests": requests}},
        {"name": "side", "resources": {"requests": {"memory": "10Mi"}}},
    ]
    return eviction_message(pod_of({"containers": containers}), used, [threshold], SEEN)


def test_the_message_says_what_was_low_how_low_and_which_containers_used_more_than_requested() -> None:
    assert _said(THRESHOLD, memory="100Mi") == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 51201Ki. "
        "Container main was using 209715201, request is 100Mi, has larger consumption of memory. "
    )


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (Threshold("nodefs.available", Amount(percent=Decimal(10))),
         "The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: 5Mi. "
         "Container main was using 4Mi, request is 0, has larger consumption of ephemeral-storage. "),
        (Threshold("nodefs.inodesFree", Amount(percent=Decimal(5))),
         "The node was low on resource: inodes. Threshold quantity: 50, available: 7. "),
        (Threshold("memory.pressure", Amount(percent=Decimal(60)), 20.0),
         "The node was low on resource: memory. Threshold pressure: 40%, pressure: 65%. "
         "Container main was using 209715201, request is 0, has larger consumption of memory. "),
        (Threshold("pid.available", Amount(10)), "The node was low on resource: pids. "),
    ],
)  # fmt: skip
def test_messages_of_other_signals(threshold: Threshold, expected: str) -> None:
    assert _said(threshold) == expected


def test_a_pod_of_which_nothing_is_known_is_told_of_the_node_alone() -> None:
    assert _said(THRESHOLD, None) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 51201Ki. "
    )


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (1, "1"), (1024, "1Ki"), (1536, "1536"), (1 << 30, "1Gi"), (3 << 40, "3Ti")]
)
def test_bytes_are_written_as_quantities(amount: int, text: str) -> None:
    assert canonical(amount) == text


def test_the_conditions_of_the_node_are_in_the_words_of_kubernetes() -> None:
    found = {one.type: (one.status, one.reason, one.message) for one in node_conditions(frozenset({"DiskPressure"}))}
    assert found == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    }
