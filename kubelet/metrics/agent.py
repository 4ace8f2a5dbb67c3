"""/metrics: the agent itself (pkg/kubelet/metrics of Kubernetes, and the process as Prometheus' clients tell it)."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Iterable

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.metrics.text import Family, Sample

__all__ = ["agent_families", "process_families"]

_MIRROR = "kubernetes.io/config.source"


def agent_families(pods: Iterable[Pod], node_name: str) -> list[Family]:
    """What the agent has to do with."""
    pods = list(pods)
    states = Counter(_state(status) for pod in pods for status in pod.status.container_statuses)
    running = [pod for pod in pods if any(one.state.running for one in pod.status.container_statuses)]
    static = Counter("true" if _is_static(pod) else "" for pod in pods)
    active = Counter(
        "true" if _is_static(pod) else "" for pod in pods if pod.status.phase not in ("Succeeded", "Failed")
    )
    return [
        _gauge(
            "kubelet_node_name", "[ALPHA] The node's name. The count is always 1.", [Sample({"node": node_name}, 1)]
        ),
        _gauge(
            "kubelet_running_pods",
            "[ALPHA] Number of pods that have a running pod sandbox",
            [Sample({}, len(running))],
        ),
        _gauge(
            "kubelet_running_containers",
            "[ALPHA] Number of containers currently running",
            [
                Sample({"container_state": state}, states[state])
                for state in ("created", "exited", "running", "unknown")
            ],
        ),
        _gauge(
            "kubelet_desired_pods",
            "[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from "
            "the apiserver.",
            [Sample({"static": key}, static[key]) for key in ("", "true")],
        ),
        _gauge(
            "kubelet_active_pods",
            "[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new "
            "pods. static is true if the pod is not from the apiserver.",
            [Sample({"static": key}, active[key]) for key in ("", "true")],
        ),
    ]


def process_families() -> list[Family]:
    """What the process uses."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/stat", encoding="ascii") as file:
        # The name of the program, in parentheses, can have blanks in it.
        fields = file.read().rpartition(")")[2].split()
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime "))
    started = booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    seconds = usage.ru_utime + usage.ru_stime
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        Family(
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            [Sample({}, seconds)],
        ),
        _gauge("process_max_fds", "Maximum number of open file descriptors.", [Sample({}, limit)]),
        _gauge(
            "process_open_fds", "Number of open file descriptors.", [Sample({}, len(os.listdir("/proc/self/fd")) - 1)]
        ),
        _gauge("process_resident_memory_bytes", "Resident memory size in bytes.", [Sample({}, resident)]),
        _gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            [Sample({}, started)],
        ),
        _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", [Sample({}, int(fields[20]))]),
    ]


def _gauge(name: str, text: str, samples: list[Sample]) -> Family:
    return Family(name, "gauge", text, samples)


def _state(status: ContainerStatus) -> str:
    if status.state.running is not None:
        return "running"
    return "exited" if status.state.terminated is not None else "created" if status.container_id else "unknown"


def _is_static(pod: Pod) -> bool:
    return pod.metadata.annotations.get(_MIRROR, "api") != "api"
