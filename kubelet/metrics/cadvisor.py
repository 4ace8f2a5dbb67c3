"""/metrics/cadvisor: the runtime's metrics of containers, and those of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from firkin.cri.api.stats_pb2 import Metric, MetricDescriptor, MetricType, PodSandboxMetrics
from firkin.kubelet.metrics.text import Family, Sample
from firkin.kubelet.stats.machine import Machine
from firkin.kubelet.stats.summary import PodUsage

__all__ = ["cadvisor_families", "machine_families"]

_CPU = "container_cpu_usage_seconds_total"
_TYPES: dict[int, str] = {MetricType.COUNTER: "counter", MetricType.GAUGE: "gauge"}
_KEYS = ("container", "pod", "namespace")


def cadvisor_families(
    descriptors: Iterable[MetricDescriptor], pods: Iterable[PodSandboxMetrics], usage: Iterable[PodUsage]
) -> list[Family]:
    """The runtime's metrics; names without a descriptor are left out.

    Parameters: `usage` gives the processor time with its fractions of a second, which CRI's metrics have not.
    """
    known = {one.name: one for one in descriptors}
    exact = _processor_time(usage)
    found: dict[str, Family] = {}
    for pod in pods:
        for metric in _all_of(pod):
            descriptor = known.get(metric.name)
            if descriptor is None:
                continue
            labels = dict(zip(descriptor.label_keys, metric.label_values, strict=False))
            value: float = metric.value.value
            if metric.name == _CPU:
                value = exact.get(tuple(labels.get(key, "") for key in _KEYS), value)
                labels["cpu"] = "total"
            kind = _TYPES.get(metric.metric_type, "untyped")
            family = found.setdefault(metric.name, Family(metric.name, kind, descriptor.help, []))
            family.samples.append(Sample(labels, value, metric.timestamp // 10**6 or None))
    return [found[name] for name in sorted(found)]


def machine_families(machine: Machine) -> list[Family]:
    """What the machine has, and uses as a whole: the cgroup "/"."""
    memory, swap = machine.capacity()
    root, now = {"id": "/", "container": "", "image": "", "name": "", "namespace": "", "pod": ""}, machine.memory()
    used = (machine.cpu().usage_core_nano_seconds or 0) / 1e9
    return [
        _gauge("machine_cpu_cores", "Number of logical CPU cores.", os.cpu_count() or 1),
        _gauge("machine_memory_bytes", "Amount of memory installed on the machine.", memory),
        _gauge("machine_swap_bytes", "Amount of swap memory available on the machine.", swap),
        Family(_CPU, "counter", "Cumulative cpu time consumed in seconds.", [Sample({**root, "cpu": "total"}, used)]),
        Family(
            "container_memory_working_set_bytes",
            "gauge",
            "Current working set in bytes.",
            [Sample(root, now.working_set_bytes or 0)],
        ),
        Family(
            "container_memory_usage_bytes",
            "gauge",
            "Current memory usage in bytes, including all memory regardless of when it was accessed",
            [Sample(root, now.usage_bytes or 0)],
        ),
    ]


def _gauge(name: str, text: str, value: float) -> Family:
    return Family(name, "gauge", text, [Sample({}, value)])


def _processor_time(usage: Iterable[PodUsage]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for pod in usage:
        for container in pod.containers:
            if container.cpu is not None and container.cpu.usage_core_nano_seconds is not None:
                key = (container.name, pod.pod_ref.name, pod.pod_ref.namespace)
                found[key] = container.cpu.usage_core_nano_seconds / 1e9
    return found


def _all_of(pod: PodSandboxMetrics) -> Sequence[Metric]:
    return [*pod.metrics, *(metric for container in pod.container_metrics for metric in container.metrics)]
