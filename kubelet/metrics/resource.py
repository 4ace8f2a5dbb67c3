"""/metrics/resource: what metrics-server reads (pkg/kubelet/metrics/collectors/resource_metrics.go of Kubernetes)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from firkin.kubelet.metrics.text import Family, Sample
from firkin.kubelet.stats.summary import CpuStats, MemoryStats, PodUsage, Summary, SwapStats

__all__ = ["resource_families"]

_HELP = {
    "container_cpu_usage_seconds_total": "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
    "container_memory_working_set_bytes": "[STABLE] Current working set of the container in bytes",
    "container_start_time_seconds": "[STABLE] Start time of the container since unix epoch in seconds",
    "container_swap_limit_bytes": "[ALPHA] Current amount of the container swap limit in bytes. "
    "Reported only on non-windows systems",
    "container_swap_usage_bytes": "[ALPHA] Current amount of the container swap usage in bytes. "
    "Reported only on non-windows systems",
    "node_cpu_usage_seconds_total": "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
    "node_memory_working_set_bytes": "[STABLE] Current working set of the node in bytes",
    "node_swap_usage_bytes": "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems",
    "pod_cpu_usage_seconds_total": "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
    "pod_memory_working_set_bytes": "[STABLE] Current working set of the pod in bytes",
    "pod_swap_usage_bytes": "[ALPHA] Current amount of the pod swap usage in bytes. "
    "Reported only on non-windows systems",
    "resource_scrape_error": "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
    "scrape_error": "[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, "
    "0 otherwise",
}


def resource_families(summary: Summary | None) -> list[Family]:
    """The metrics of a summary; None says that there was an error on the way to it."""
    samples: dict[str, list[Sample]] = {name: [] for name in _HELP}
    for name in ("scrape_error", "resource_scrape_error"):
        samples[name].append(Sample({}, float(summary is None)))
    for name, sample in _samples(summary) if summary else ():
        samples[name].append(sample)
    return [Family(name, _type(name), text, samples[name]) for name, text in _HELP.items()]


def _type(name: str) -> str:
    return "counter" if name.endswith("_total") else "gauge"


def _samples(summary: Summary) -> Iterator[tuple[str, Sample]]:
    node = summary.node
    yield from _usage("node", {}, node.cpu, node.memory, node.swap)
    for pod in summary.pods:
        labels = {"pod": pod.pod_ref.name, "namespace": pod.pod_ref.namespace}
        yield from _usage("pod", labels, pod.cpu, pod.memory, pod.swap)
        yield from _containers(pod, labels)


def _containers(pod: PodUsage, of_pod: dict[str, str]) -> Iterator[tuple[str, Sample]]:
    for container in pod.containers:
        labels = {"container": container.name, **of_pod}
        yield from _usage("container", labels, container.cpu, container.memory, container.swap)
        if container.start_time is not None:
            yield "container_start_time_seconds", Sample(labels, container.start_time.timestamp())
        swap = container.swap
        if swap is not None and swap.swap_available_bytes is not None:
            limit = swap.swap_available_bytes + (swap.swap_usage_bytes or 0)
            yield "container_swap_limit_bytes", Sample(labels, limit, _milliseconds(swap.time))


def _usage(
    what: str, labels: dict[str, str], cpu: CpuStats | None, memory: MemoryStats | None, swap: SwapStats | None
) -> Iterator[tuple[str, Sample]]:
    if cpu is not None and cpu.usage_core_nano_seconds is not None:
        seconds = cpu.usage_core_nano_seconds / 1e9
        yield f"{what}_cpu_usage_seconds_total", Sample(labels, seconds, _milliseconds(cpu.time))
    if memory is not None and memory.working_set_bytes is not None:
        sample = Sample(labels, memory.working_set_bytes, _milliseconds(memory.time))
        yield f"{what}_memory_working_set_bytes", sample
    if swap is not None and swap.swap_usage_bytes is not None:
        yield f"{what}_swap_usage_bytes", Sample(labels, swap.swap_usage_bytes, _milliseconds(swap.time))


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
