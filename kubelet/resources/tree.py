"""The tree of cgroups for pods: who is where, and with which limits. Pure.

kubepods                        all pods: no more than the node can give away
kubepods, burstable             Burstable pods: as many shares as they request together
kubepods, besteffort            BestEffort pods: what is left
kubepods[, class], podUID       a pod; Guaranteed ones have no class of their own

Source: "Node Allocatable" of the Kubernetes documentation; KEP-2570 for memory.min and memory.low.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from firkin.cgroupfs.resources import cpu_weight
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import parse_quantity
from firkin.kubelet.resources.container import Limiting
from firkin.kubelet.resources.cpu import PERIOD, quota_of, shares_of
from firkin.kubelet.resources.node import NodeResources
from firkin.kubelet.resources.qos import BEST_EFFORT, BURSTABLE, GUARANTEED, qos_class
from firkin.kubelet.resources.totals import pod_limits, pod_requests

__all__ = ["TIERS", "TOP", "pod_limits_files", "pod_names", "tier_files", "widest"]

TOP = "kubepods"
TIERS: tuple[tuple[str, ...], ...] = ((TOP,), (TOP, "burstable"), (TOP, "besteffort"))

Names = tuple[str, ...]
Files = dict[str, str]

# What the files of limits hold where there is no limit: in-place changes may take one away.
_NO_LIMIT = "max"


def pod_names(pod: Pod) -> Names:
    """The cgroup of a pod, from the top."""
    quality = qos_class(pod)
    own = f"pod{pod.metadata.uid}"
    return (TOP, own) if quality == GUARANTEED else (TOP, quality.lower(), own)


def pod_limits_files(pod: Pod, limiting: Limiting) -> Files:
    """What is written to the cgroup of a pod, by file, for the controllers that there are."""
    requests, limits, settings = pod_requests(pod), pod_limits(pod), limiting.settings
    is_whole = _is_whole(pod)
    found = {"cpu.weight": str(_weight(pod, int(requests.get("cpu", 0) * 1000)))}
    quota = quota_of(int(limits.get("cpu", 0) * 1000)) if is_whole["cpu"] and settings.cpu_quota else 0
    found["cpu.max"] = f"{quota or _NO_LIMIT} {PERIOD}"
    found["memory.max"] = str(int(limits["memory"])) if is_whole["memory"] else _NO_LIMIT
    found["pids.max"] = str(settings.pod_pids or _NO_LIMIT)
    for size in limiting.capacity.hugepages:
        found[f"hugetlb.{size.removesuffix('i')}B.max"] = str(int(limits.get(f"hugepages-{size}", 0)))
    if settings.memory_qos and settings.memory_reservation == "tiered":
        found.update(_protected(qos_class(pod), int(requests.get("memory", 0))))
    return _possible(found, limiting.controllers)


def widest(*files: Files) -> Files:
    """What limits as little as each of `files`, which are for one cgroup: of each file the largest value."""
    return {file: max((one[file] for one in files), key=_width) for file in files[0]}


def _width(value: str) -> float:
    amount = value.split()[0]
    return float("inf") if amount == _NO_LIMIT else int(amount)


def _weight(pod: Pod, milli: int) -> int:
    return 1 if qos_class(pod) == BEST_EFFORT else cpu_weight(shares_of(milli))


def _is_whole(pod: Pod) -> dict[str, bool]:
    # A sum is a limit only if nobody is without one.
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    of_pod = pod.spec.resources.limits if pod.spec.resources else {}
    return {
        name: bool(parse_quantity(of_pod.get(name, 0)))
        or all(parse_quantity(one.resources.limits.get(name, 0)) for one in containers)
        for name in ("cpu", "memory")
    }


def _protected(quality: str, memory: int) -> Files:
    return {
        "memory.min": str(memory if quality == GUARANTEED else 0),
        "memory.low": str(memory if quality == BURSTABLE else 0),
    }


def tier_files(pods: Iterable[Pod], limiting: Limiting, reserved: NodeResources) -> Mapping[Names, Files]:
    """What is written to the cgroups above the pods, which are active; `reserved` is for other things than pods."""
    sums = {quality: [0, 0] for quality in (GUARANTEED, BURSTABLE, BEST_EFFORT)}
    for pod in pods:
        requests, total = pod_requests(pod), sums[qos_class(pod)]
        total[0] += int(requests.get("cpu", 0) * 1000)
        total[1] += int(requests.get("memory", 0))
    top = _top_files(limiting, reserved)
    burstable = {"cpu.weight": str(cpu_weight(shares_of(sums[BURSTABLE][0])))}
    if limiting.settings.memory_qos and limiting.settings.memory_reservation == "tiered":
        # A cgroup is protected as far as those above it are.
        top |= {"memory.min": str(sums[GUARANTEED][1]), "memory.low": str(sums[BURSTABLE][1])}
        burstable["memory.low"] = str(sums[BURSTABLE][1])
    files: dict[Names, Files] = dict(zip(TIERS, (top, burstable, {"cpu.weight": "1"}), strict=True))
    return {names: _possible(found, limiting.controllers) for names, found in files.items()}


def _top_files(limiting: Limiting, reserved: NodeResources) -> Files:
    capacity = limiting.capacity
    files = {"cpu.weight": str(cpu_weight(shares_of(capacity.cpu - reserved.cpu)))}
    # The threshold of eviction is not set aside here: pods are evicted before they are killed.
    most = capacity.memory - reserved.memory if limiting.settings.enforce_allocatable else 0
    files["memory.max"] = str(most) if most else _NO_LIMIT
    return files


def _possible(files: Files, controllers: frozenset[str]) -> Files:
    return {file: value for file, value in files.items() if file.partition(".")[0] in controllers}
