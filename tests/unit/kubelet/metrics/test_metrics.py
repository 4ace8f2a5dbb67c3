"""Metrics as Prometheus reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from firkin.cri.api.stats_pb2 import ContainerMetrics, Metric, MetricDescriptor, MetricType, PodSandboxMetrics
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.metrics.agent import process_families
from firkin.kubelet.metrics.cadvisor import cadvisor_families
from firkin.kubelet.metrics.probes import probe_families
from firkin.kubelet.metrics.resource import resource_families
from firkin.kubelet.metrics.text import Family, Sample, exposition
from firkin.kubelet.probes.manager import Tallied
from firkin.kubelet.probes.step import Kind, Outcome
from firkin.kubelet.probes.tally import Tally
from firkin.kubelet.stats.summary import (
    ContainerUsage,
    CpuStats,
    MemoryStats,
    NodeUsage,
    PodRef,
    PodUsage,
    Summary,
    SwapStats,
)

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = 1767323045000


def usage() -> PodUsage:
    cpu = CpuStats(time=TIME, usage_core_nano_seconds=1_500_000_000)
    memory = MemoryStats(time=TIME, working_set_bytes=4096)
    swap = SwapStats(time=TIME, swap_available_bytes=30, swap_usage_bytes=12)
    web = ContainerUsage(name="web", start_time=TIME, cpu=cpu, memory=memory, swap=swap)
    return PodUsage(pod_ref=PodRef(name="p", namespace="n", uid="u"), containers=[web], cpu=cpu)


def lines(families: list[Family]) -> list[str]:
    return [line for line in exposition(families).decode().splitlines() if not line.startswith("#")]


def test_text() -> None:
    samples = [Sample({"b": 'a"\\\n', "a": ""}, 0.5, 7), Sample({}, 3.0), Sample({"le": "+Inf"}, 2, suffix="_bucket")]
    assert exposition([Family("x", "counter", "a\nb\\", samples), Family("empty", "gauge", "", [])]).decode() == (
        '# HELP x a\\nb\\\\\n# TYPE x counter\nx{a="",b="a\\"\\\\\\n"} 0.5 7\nx 3\nx_bucket{le="+Inf"} 2\n'
    )


def test_resources() -> None:
    node = NodeUsage(node_name="node", start_time=TIME, memory=MemoryStats(time=TIME, working_set_bytes=1))
    labels = 'container="web",namespace="n",pod="p"'
    assert lines(resource_families(Summary(node=node, pods=[usage()]))) == [
        f"container_cpu_usage_seconds_total{{{labels}}} 1.5 {STAMP}",
        f"container_memory_working_set_bytes{{{labels}}} 4096 {STAMP}",
        f"container_start_time_seconds{{{labels}}} 1767323045",
        f"container_swap_limit_bytes{{{labels}}} 42 {STAMP}",
        f"container_swap_usage_bytes{{{labels}}} 12 {STAMP}",
        f"node_memory_working_set_bytes 1 {STAMP}",
        f'pod_cpu_usage_seconds_total{{namespace="n",pod="p"}} 1.5 {STAMP}',
        "resource_scrape_error 0",
        "scrape_error 0",
    ]
    assert lines(resource_families(None)) == ["resource_scrape_error 1", "scrape_error 1"]


def test_the_runtimes_metrics_have_their_labels_and_whole_processor_times_their_fractions() -> None:
    keys = ["id", "name", "image", "container", "pod", "namespace"]
    descriptors = [MetricDescriptor(name="container_cpu_usage_seconds_total", help="Time", label_keys=keys)]
    values = ["/c", "i", "image", "web", "p", "n"]
    cpu = Metric(
        name="container_cpu_usage_seconds_total",
        timestamp=STAMP * 10**6,
        metric_type=MetricType.COUNTER,
        label_values=values,
        value=UInt64Value(value=1),
    )
    unknown = Metric(name="container_unknown", label_values=values, value=UInt64Value(value=1))
    pod = PodSandboxMetrics(container_metrics=[ContainerMetrics(metrics=[cpu, unknown])])
    labels = 'container="web",cpu="total",id="/c",image="image",name="i",namespace="n",pod="p"'
    assert lines(cadvisor_families(descriptors, [pod], [usage()])) == [
        f"container_cpu_usage_seconds_total{{{labels}}} 1.5 {STAMP}"
    ]


def test_probes_have_counts_and_a_histogram() -> None:
    tally = Tally()
    for outcome, seconds in ((Outcome.SUCCESS, 0.002), (Outcome.SUCCESS, 99.0), (Outcome.FAILURE, 1.0)):
        tally.add(outcome, seconds)
    pod = Pod(metadata=ObjectMeta(name="p", namespace="n", uid="u"))
    found = lines(probe_families([Tallied(pod, "web", Kind.READINESS, tally)]))
    labels = 'container="web",namespace="n",pod="p"'
    assert found[:2] == [
        f'prober_probe_total{{{labels},pod_uid="u",probe_type="Readiness",result="successful"}} 2',
        f'prober_probe_total{{{labels},pod_uid="u",probe_type="Readiness",result="failed"}} 1',
    ]
    assert found[2].endswith('_bucket{container="web",le="0.005",namespace="n",pod="p",probe_type="Readiness"} 1')
    assert 'le="+Inf",namespace="n",pod="p",probe_type="Readiness"} 2' in found[-3]
    assert found[-2].endswith('_sum{container="web",namespace="n",pod="p",probe_type="Readiness"} 99.002')
    assert found[-1].endswith(" 2")


def test_the_process() -> None:
    found = {family.name: family.samples[0].value for family in process_families()}
    assert 1 << 20 < found["process_resident_memory_bytes"] < found["process_virtual_memory_bytes"]
    assert found["process_open_fds"] >= 3
    assert found["process_cpu_seconds_total"] > 0
