"""Metrics: what they are called, how they are labelled, and where their values come from."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api.container_pb2 import ContainerConfig
from firkin.cri.api.image_pb2 import FilesystemUsage
from firkin.cri.api.stats_pb2 import ContainerMetrics, ContainerStats, Metric, MetricType
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.cri.records.container import Container, ContainerFacts
from firkin.cri.records.database import Database
from firkin.cri.records.sandbox import SandboxFacts
from firkin.cri.stats.family import LABELS, Series
from firkin.cri.stats.gauge import PAGE_SIZES, Gauge
from firkin.cri.stats.interfaces import Interface, interfaces_of
from firkin.cri.stats.metrics import Observed, add_container_metrics, add_network_metrics, descriptors
from firkin.cri.stats.open_files import OpenFiles, open_files, open_files_limit
from firkin.cri.stats.storage import FileSystemSize, device_name, file_system_size
from firkin.cri.stats.usage import cpu_usage, memory_usage, sum_cpu, sum_memory
from firkin.cri.stats.writable import WritableLayers
from tests.support.stat_tree import RECORDED, write_group

OWN = ("/pod/c", "c" * 64, "web:1", "web", "pod", "default")
DISKS = {"8:0": "/dev/sda", "259:0": ""}


@pytest.fixture
def gauge() -> Iterator[Gauge]:
    made = Gauge()
    yield made
    made.close()


def container(place: Path, **resources: int) -> Container:
    config = ParseDict({"metadata": {"name": "web"}, "linux": {"resources": resources}}, ContainerConfig())
    facts = ContainerFacts(sandbox="s", started_at=17 * 10**9)
    return Container("c" * 64, config, facts, Database(str(place / "records.db")))


def found_in(place: Path, gauge: Gauge, observed: Observed, **resources: int) -> dict[str, list[Metric]]:
    group = str(write_group(place / "g", RECORDED | {"memory.low": "4096\n", "pids.max": "max\n"}))
    out = ContainerMetrics()
    reading = gauge.read([group], for_metrics=True)[group]
    series = Series(out.metrics, reading.timestamp, OWN)
    add_container_metrics(series, container(place, **resources), reading, observed, DISKS.__getitem__)
    found: dict[str, list[Metric]] = {}
    for metric in out.metrics:
        assert tuple(metric.label_values[: len(LABELS)]) == OWN
        assert metric.timestamp == reading.timestamp and metric.HasField("value")
        found.setdefault(metric.name, []).append(metric)
    return found


def values(metrics: list[Metric]) -> dict[tuple[str, ...], int]:
    """The values by the labels that the metric has of its own."""
    return {tuple(one.label_values[len(LABELS) :]): one.value.value for one in metrics}


def test_the_numbers_of_a_cgroup(tmp_path: Path, gauge: Gauge) -> None:
    found = found_in(tmp_path, gauge, Observed())
    assert values(found["container_cpu_usage_seconds_total"]) == {("total",): 0}
    assert values(found["container_cpu_cfs_throttled_periods_total"]) == {(): 5}
    assert values(found["container_memory_max_usage_bytes"]) == {(): 7008256}
    assert values(found["container_memory_failures_total"]) == {
        (kind, scope): count
        for scope in ("container", "hierarchy")
        for kind, count in (("pgfault", 527), ("pgmajfault", 1))
    }
    assert values(found["container_spec_memory_limit_bytes"]) == {(): 0}
    assert values(found["container_spec_memory_reservation_limit_bytes"]) == {(): 4096}
    assert values(found["container_threads"]) == {(): 3} and values(found["container_threads_max"]) == {(): 0}
    assert values(found["container_start_time_seconds"]) == {(): 17}
    assert found["container_memory_failcnt"][0].metric_type == MetricType.COUNTER
    assert found["container_memory_rss"][0].metric_type == MetricType.GAUGE


def test_input_and_output_are_told_disk_by_disk(tmp_path: Path, gauge: Gauge) -> None:
    found = found_in(tmp_path, gauge, Observed())
    assert values(found["container_fs_reads_bytes_total"]) == {("/dev/sda",): 1048576, ("",): 24}
    assert values(found["container_fs_writes_total"]) == {("/dev/sda",): 1, ("",): 0}
    assert values(found["container_blkio_device_usage_total"]) == {
        ("/dev/sda", "8", "0", "Read"): 1048576,
        ("/dev/sda", "8", "0", "Write"): 4096,
        ("", "259", "0", "Read"): 24,
        ("", "259", "0", "Write"): 0,
    }


def test_a_disk_that_was_not_used_is_not_told_of(tmp_path: Path, gauge: Gauge) -> None:
    group = str(write_group(tmp_path / "g", RECORDED | {"io.stat": "8:0 rbytes=0 wbytes=0 rios=0 wios=0\n"}))
    assert gauge.read([group])[group].devices() == []


def test_huge_pages_are_told_by_size(tmp_path: Path, gauge: Gauge) -> None:
    write_group(tmp_path / "g", {f"hugetlb.{size}.current": "4194304\n" for size in PAGE_SIZES})
    found = found_in(tmp_path, gauge, Observed())
    assert values(found.get("container_hugetlb_usage_bytes", [])) == {(size,): 4194304 for size in PAGE_SIZES}


def test_what_is_looked_at_besides_the_cgroup(tmp_path: Path, gauge: Gauge) -> None:
    written = FilesystemUsage(used_bytes=UInt64Value(value=4096))
    observed = Observed(OpenFiles(2, 9, 4), 1024, written, FileSystemSize("/dev/sda", 1 << 30, 1000, 900))
    found = found_in(tmp_path, gauge, observed, cpu_quota=20000, cpu_period=100000)
    told = {name: values(metrics) for name, metrics in found.items()}
    assert told["container_processes"] == {(): 2}
    assert told["container_file_descriptors"] == {(): 9} and told["container_sockets"] == {(): 4}
    assert told["container_ulimits_soft"] == {("max_open_files",): 1024}
    assert told["container_fs_usage_bytes"] == {("/dev/sda",): 4096}
    assert told["container_fs_limit_bytes"] == {("/dev/sda",): 1 << 30}
    assert told["container_fs_inodes_total"] == {("/dev/sda",): 1000}
    assert told["container_fs_inodes_free"] == {("/dev/sda",): 900}
    assert told["container_spec_cpu_quota"] == {(): 20000} and told["container_spec_cpu_period"] == {(): 100000}


def test_what_is_not_known_is_not_told(tmp_path: Path, gauge: Gauge) -> None:
    found = found_in(tmp_path, gauge, Observed())
    assert not [name for name in found if name.startswith(("container_fs_usage", "container_fs_limit"))]
    assert "container_processes" not in found and "container_spec_cpu_quota" not in found
    # A kernel without the controller.
    assert not [name for name in found if name.startswith("container_hugetlb")]


def test_every_metric_is_described_with_its_labels(tmp_path: Path, gauge: Gauge) -> None:
    written = FilesystemUsage(used_bytes=UInt64Value(value=0))
    observed = Observed(OpenFiles(0, 0, 0), 1, written, FileSystemSize("", 0, 0, 0))
    found = found_in(tmp_path, gauge, observed, cpu_quota=1)
    out = ContainerMetrics()
    add_network_metrics(Series(out.metrics, 1, OWN), [Interface("eth0", 1, 2, 3, 4, 5, 6, 7, 8)])
    told = [*out.metrics, *(metric for metrics in found.values() for metric in metrics)]
    described = {one.name: one for one in descriptors()}
    assert len(described) == len(descriptors()) and all(one.help for one in described.values())
    assert {metric.name for metric in told} >= described.keys() - {
        # Not in the recorded tree.
        "container_hugetlb_usage_bytes", "container_memory_kernel_usage",
        *(name for name in described if name.startswith(("container_pressure_io", "container_memory_total"))),
    }  # fmt: skip
    for metric in told:
        assert len(metric.label_values) == len(described[metric.name].label_keys)
        assert tuple(described[metric.name].label_keys[: len(LABELS)]) == LABELS


def test_traffic_is_told_by_interface() -> None:
    out = ContainerMetrics()
    add_network_metrics(Series(out.metrics, 1, OWN), [Interface("eth0", 1, 2, 3, 4, 5, 6, 7, 8)])
    assert {one.name: (one.label_values[-1], one.value.value) for one in out.metrics} == {
        f"container_network_{what}_total": ("eth0", value)
        for what, value in (
            ("receive_packets", 1), ("transmit_packets", 2), ("receive_bytes", 3), ("transmit_bytes", 4),
            ("receive_errors", 5), ("transmit_errors", 6), ("receive_packets_dropped", 7),
            ("transmit_packets_dropped", 8),
        )
    }  # fmt: skip


def test_a_pod_whose_network_is_gone_has_no_traffic(tmp_path: Path) -> None:
    left = tmp_path / "pin"
    assert interfaces_of(SandboxFacts(namespaces={"network": str(left)})) == []
    left.touch()
    assert interfaces_of(SandboxFacts(namespaces={"network": str(left)})) == []


def test_open_files_are_those_of_the_whole_subtree(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "below/cgroup.procs").write_text(f"{os.getpid()}\n")
    found = open_files(str(tmp_path))
    assert found and found.processes == 2 and found.descriptors >= 2 * 3
    assert open_files(str(tmp_path / "gone")) == OpenFiles(0, 0, 0)


@pytest.mark.requires("root")
def test_where_nobody_may_look_nothing_is_counted(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    child = os.fork()
    if not child:
        # Who lowers its rights may not look at this process any more.
        os.chdir(tmp_path)
        os.setresuid(65534, 65534, 65534)
        os._exit(0 if open_files(".") is None else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_limit_of_open_files_is_that_of_the_process() -> None:
    assert open_files_limit(os.getpid()) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # No pid is as large.
    assert open_files_limit(1 << 30) is None


def test_a_file_system_has_a_name_and_a_size(tmp_path: Path) -> None:
    found, expected = file_system_size(str(tmp_path)), os.statvfs(tmp_path)
    assert found.device and found.bytes == expected.f_blocks * expected.f_frsize and found.inodes == expected.f_files
    assert device_name("9999:9999") == ""


def test_who_asks_for_one_leaves_the_rates_of_the_others(tmp_path: Path, gauge: Gauge) -> None:
    groups = [str(write_group(tmp_path / name, RECORDED)) for name in "ab"]
    gauge.read(groups)
    gauge.read(groups[:1])
    clock = RECORDED["cpu.stat"].replace("907349", "9907349")

    def rate() -> int | None:
        write_group(tmp_path / "b", {"cpu.stat": clock})
        return gauge.read(groups)[groups[1]].nano_cores

    # A rate is known once enough time has passed since the first pass.
    while rate() is None:
        pass
    assert rate() is not None


def test_what_was_removed_is_not_kept_open(tmp_path: Path, gauge: Gauge) -> None:
    groups = [str(write_group(tmp_path / name, RECORDED)) for name in "ab"]
    gauge.read(groups)
    shutil.rmtree(groups[1])
    gauge.read(groups[:1])
    links = (
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    )
    assert not [link for link in links if link.startswith(groups[1])]


def test_a_pod_without_a_cgroup_uses_what_its_containers_use(tmp_path: Path, gauge: Gauge) -> None:
    groups = [str(write_group(tmp_path / name, RECORDED)) for name in "ab"]
    readings = gauge.read(groups)
    members = [ContainerStats(cpu=cpu_usage(readings[one]), memory=memory_usage(readings[one])) for one in groups]
    cpu, memory = sum_cpu(members), sum_memory(members)
    assert cpu and cpu.usage_core_nano_seconds.value == 2 * 907349000 and not cpu.HasField("usage_nano_cores")
    assert memory and memory.usage_bytes.value == 2 * 5668864 and not memory.HasField("available_bytes")
    assert sum_cpu([]) is None and sum_memory([ContainerStats(cpu=cpu)]) is None


def test_what_was_never_counted_is_counted_before_the_answer(tmp_path: Path) -> None:
    (tmp_path / "upper").mkdir()
    (tmp_path / "upper/file").write_bytes(bytes(8192))

    async def count() -> Any:
        layers = WritableLayers()
        await layers.count_new(["", str(tmp_path)])
        return layers.usage(str(tmp_path))

    found = asyncio.run(count())
    assert found.used_bytes.value >= 8192 and found.inodes_used.value == 2
