"""Limits of containers, pods and classes, as values for the kernel."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.container import Limiting, container_resources, sandbox_resources
from firkin.kubelet.resources.node import NodeResources, allocatable, machine_capacity, reserved
from firkin.kubelet.resources.settings import ResourceSettings, resource_faults
from firkin.kubelet.resources.tree import pod_limits_files, pod_names, tier_files, widest
from tests.support.pods import pod_of

MI, GI = 1 << 20, 1 << 30
ALL = frozenset(("cpu", "memory", "pids", "hugetlb"))
CAPACITY = NodeResources(cpu=4000, memory=10 * GI, pods=110, hugepages={"2Mi": 64 * MI})
ALLOCATABLE = NodeResources(cpu=3500, memory=8 * GI, pods=110)
QOS: dict[str, Any] = {"memory_qos": True, "memory_reservation": "tiered"}


def _limiting(controllers: frozenset[str] = ALL, **settings: Any) -> Limiting:
    return Limiting(CAPACITY, ALLOCATABLE, ResourceSettings(**settings), controllers)


def _pod(*containers: dict[str, dict[str, str]], **spec: Any) -> Pod:
    named = [{"name": f"c{number}", "resources": one} for number, one in enumerate(containers)]
    return pod_of({"containers": named, **spec})


GUARANTEED = _pod({"limits": {"cpu": "500m", "memory": "1Gi"}})
BURSTABLE = _pod({"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}})
PARTLY = _pod({"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1"}}, {"requests": {"cpu": "50m"}})
BEST_EFFORT = _pod({})


@pytest.mark.parametrize(
    ("pod", "shares", "quota", "memory", "score"),
    [
        (GUARANTEED, 512, 50_000, GI, -997),
        (BURSTABLE, 256, 100_000, 512 * MI, 975),
        (PARTLY, 256, 100_000, 0, 975),
        (BEST_EFFORT, 2, 0, 0, 1000),
    ],
)
def test_limits_of_a_container(pod: Pod, shares: int, quota: int, memory: int, score: int) -> None:
    found = container_resources(pod, pod.spec.containers[0], _limiting())
    assert (found.cpu_shares, found.cpu_quota, found.memory_limit_in_bytes) == (shares, quota, memory)
    assert found.cpu_period == (100_000 if quota else 0) and found.oom_score_adj == score
    assert dict(found.unified) == {"memory.oom.group": "1", "memory.swap.max": "0"}
    assert [(one.page_size, one.limit) for one in found.hugepage_limits] == [("2MB", 0)]


def test_limits_of_the_pod_hold_for_a_container_without_its_own() -> None:
    pod = _pod({}, resources={"limits": {"cpu": "2", "memory": "1Gi"}})
    found = container_resources(pod, pod.spec.containers[0], _limiting())
    assert (found.cpu_quota, found.memory_limit_in_bytes) == (200_000, GI)


def test_huge_pages_are_limited_to_what_is_asked_for() -> None:
    pod = _pod({"limits": {"hugepages-2Mi": "4Mi", "memory": "1Gi"}})
    found = container_resources(pod, pod.spec.containers[0], _limiting())
    assert [(one.page_size, one.limit) for one in found.hugepage_limits] == [("2MB", 4 * MI)]
    assert pod_limits_files(pod, _limiting())["hugetlb.2MB.max"] == str(4 * MI)


def test_quotas_may_be_left_out() -> None:
    assert not container_resources(BURSTABLE, BURSTABLE.spec.containers[0], _limiting(cpu_quota=False)).cpu_quota
    assert pod_limits_files(BURSTABLE, _limiting(cpu_quota=False))["cpu.max"] == "max 100000"


CRITICAL = _pod({"requests": {"memory": "256Mi"}}, priorityClassName="system-node-critical", priority=2_000_001_000)


@pytest.mark.parametrize(
    ("pod", "index", "swap"),
    [
        # 256 Mi of 10 Gi are requested, and that part of 4 Gi of swap is had.
        (BURSTABLE, 0, 256 * MI * 4 // 10 // 4096 * 4096),
        (PARTLY, 1, 0),
        (GUARANTEED, 0, 0),
        (BEST_EFFORT, 0, 0),
        (CRITICAL, 0, 0),
        (_pod({"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}, {"requests": {"cpu": "1"}}), 0, 0),
    ],
)
def test_swap_is_for_who_may_use_more_memory_than_is_requested(pod: Pod, index: int, swap: int) -> None:
    limiting = _limiting(swap_behavior="LimitedSwap")
    limiting = replace(limiting, capacity=replace(CAPACITY, swap=4 * GI))
    assert container_resources(pod, pod.spec.containers[index], limiting).unified["memory.swap.max"] == str(swap)
    assert container_resources(pod, pod.spec.containers[index], _limiting()).unified["memory.swap.max"] == "0"


def test_a_sandbox_is_told_of_all_containers_and_of_the_overhead() -> None:
    pod = _pod(
        {"requests": {"cpu": "250m"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        {"limits": {"cpu": "500m", "memory": "512Mi"}},
        overhead={"cpu": "250m", "memory": "64Mi"},
    )
    all_, overhead = sandbox_resources(pod, ResourceSettings())
    assert (all_.cpu_shares, all_.cpu_quota, all_.memory_limit_in_bytes) == (768, 150_000, GI)
    assert (overhead.cpu_shares, overhead.cpu_quota, overhead.memory_limit_in_bytes) == (256, 25_000, 64 * MI)
    # The cgroup of the pod has room for both.
    files = pod_limits_files(pod, _limiting())
    assert (files["cpu.max"], files["memory.max"]) == ("175000 100000", str(GI + 64 * MI))


@pytest.mark.parametrize("pod", [GUARANTEED, BURSTABLE, BEST_EFFORT])
def test_without_controllers_there_are_no_limits_that_no_container_could_be_made_with(pod: Pod) -> None:
    found = container_resources(pod, pod.spec.containers[0], _limiting(frozenset(), **QOS))
    assert found.ListFields() == [(found.DESCRIPTOR.fields_by_name["oom_score_adj"], found.oom_score_adj)]
    assert pod_limits_files(pod, _limiting(frozenset())) == {}


@pytest.mark.parametrize(
    ("pod", "protected", "high"),
    [
        # The limit is the request: there is nothing between.
        (GUARANTEED, {"memory.min": str(GI)}, None),
        (BURSTABLE, {"memory.low": str(256 * MI)}, 256 * MI + 256 * MI * 0.9),
        (PARTLY, {"memory.low": str(256 * MI)}, 256 * MI + (8 * GI - 256 * MI) * 0.9),
        (BEST_EFFORT, {}, 8 * GI * 0.9),
    ],
)
def test_memory_is_protected_up_to_the_request_and_slowed_down_before_the_limit(
    pod: Pod, protected: dict[str, str], high: float | None
) -> None:
    found = dict(container_resources(pod, pod.spec.containers[0], _limiting(**QOS)).unified)
    page = os.sysconf("SC_PAGESIZE")
    assert found.pop("memory.high", None) == (None if high is None else str(int(high) // page * page))
    assert {name: found[name] for name in ("memory.min", "memory.low") if name in found} == protected


def test_memory_is_not_protected_unless_it_shall_be() -> None:
    found = container_resources(BURSTABLE, BURSTABLE.spec.containers[0], _limiting(memory_qos=True)).unified
    assert "memory.low" not in found and "memory.high" in found


@pytest.mark.parametrize(
    ("pod", "names", "files"),
    [
        (GUARANTEED, ("kubepods",), {"cpu.weight": "59", "cpu.max": "50000 100000", "memory.max": str(GI)}),
        (BURSTABLE, ("kubepods", "burstable"),
         {"cpu.weight": "35", "cpu.max": "100000 100000", "memory.max": str(512 * MI)}),
        (PARTLY, ("kubepods", "burstable"), {"cpu.weight": "40", "cpu.max": "max 100000", "memory.max": "max"}),
        (BEST_EFFORT, ("kubepods", "besteffort"), {"cpu.weight": "1", "cpu.max": "max 100000", "memory.max": "max"}),
    ],
)  # fmt: skip
def test_the_cgroup_of_a_pod(pod: Pod, names: tuple[str, ...], files: dict[str, str]) -> None:
    assert pod_names(pod) == (*names, f"pod{pod.metadata.uid}")
    assert pod_limits_files(pod, _limiting()) == {**files, "pids.max": "max", "hugetlb.2MB.max": "0"}
    assert pod_limits_files(pod, _limiting(pod_pids=64))["pids.max"] == "64"


def test_classes_have_the_shares_of_their_pods_and_all_pods_what_is_not_reserved() -> None:
    kept = NodeResources(cpu=500, memory=GI)
    found = tier_files([GUARANTEED, BURSTABLE, PARTLY, BEST_EFFORT], _limiting(**QOS), kept)
    assert found == {
        ("kubepods",): {"cpu.weight": "272", "memory.max": str(9 * GI), "memory.min": str(GI),
                        "memory.low": str(512 * MI)},
        ("kubepods", "burstable"): {"cpu.weight": "63", "memory.low": str(512 * MI)},
        ("kubepods", "besteffort"): {"cpu.weight": "1"},
    }  # fmt: skip
    assert tier_files([], _limiting(enforce_allocatable=False), kept)["kubepods",]["memory.max"] == "max"
    assert tier_files([], _limiting(), kept)["kubepods", "burstable"] == {"cpu.weight": "1"}


def test_what_is_for_pods_is_what_is_not_kept() -> None:
    settings = ResourceSettings(
        kube_reserved=("cpu=100m", "memory=256Mi"), system_reserved=("cpu=0.4", "memory=768Mi", "ephemeral-storage=1Gi",
                                                                     "pid=1000")
    )  # fmt: skip
    kept = reserved(settings)
    assert kept == NodeResources(cpu=500, memory=GI, storage=GI, pids=1000)
    capacity = NodeResources(cpu=4000, memory=10 * GI, storage=100 * GI, pods=110, pids=32768, hugepages={"2Mi": GI})
    found = allocatable(capacity, kept, NodeResources(memory=100 * MI, storage=10 * GI))
    assert found == NodeResources(cpu=3500, memory=8 * GI - 100 * MI, storage=89 * GI, pods=110, pids=31768,
                                  hugepages={"2Mi": GI})  # fmt: skip
    assert found.quantities() == {
        "cpu": "3500m", "memory": f"{(8 * GI - 100 * MI) // 1024}Ki", "ephemeral-storage": str(89 * GI), "pods": "110",
        "hugepages-2Mi": str(GI),
    }  # fmt: skip


def test_more_than_there_is_can_not_be_negative() -> None:
    assert allocatable(NodeResources(cpu=100), NodeResources(cpu=200), NodeResources(memory=1)).cpu == 0


def test_the_machine_is_what_the_kernel_says() -> None:
    found = machine_capacity("/", 110)
    assert found.cpu == 1000 * len(os.sched_getaffinity(0)) and found.pods == 110
    assert found.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    assert found.storage > 0 and found.pids > 300


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"cgroup_driver": "v1"}, "kubelet.resources.cgroup_driver: 'v1' is none of auto, cgroupfs, systemd"),
        ({"memory_reservation": "all"}, "kubelet.resources.memory_reservation: 'all' is none of none, tiered"),
        ({"kube_reserved": ("gpu=1",)},
         "kubelet.resources.kube_reserved: 'gpu=1' is not one of cpu, memory, ephemeral-storage, pid, such as "
         "cpu=100m"),
        ({"system_reserved": ("cpu=x",)},
         "kubelet.resources.system_reserved: 'cpu=x' is not one of cpu, memory, ephemeral-storage, pid, such as "
         "cpu=100m"),
        ({"max_pods": 0}, "kubelet.resources.max_pods: is less than 1"),
        ({"pod_pids": -1}, "kubelet.resources.pod_pids: is less than 0"),
        ({"memory_throttling_percent": 0}, "kubelet.resources.memory_throttling_percent: is not within 1 to 100"),
        ({"cgroup_root": "a/../.."}, "kubelet.resources.cgroup_root: 'a/../..' leads out of the hierarchy"),
    ],
)  # fmt: skip
def test_faults_of_settings_are_named(settings: dict[str, Any], fault: str) -> None:
    assert list(resource_faults(ResourceSettings(**settings))) == [fault]
    assert not list(resource_faults(ResourceSettings()))


def test_the_widest_of_several_limits() -> None:
    one = {"cpu.weight": "35", "cpu.max": "max 100000", "memory.max": "1000"}
    other = {"cpu.weight": "170", "cpu.max": "50000 100000", "memory.max": "999"}
    assert widest(one, other) == {"cpu.weight": "170", "cpu.max": "max 100000", "memory.max": "1000"}
    assert widest(one) == one
