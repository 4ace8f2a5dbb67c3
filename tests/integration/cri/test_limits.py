"""Limits of memory and processors over CRI: what they do, and what statistics and metrics say of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cri_server import CriServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "bridge", "memory", "cpu", "pids")

MIB = 1 << 20
LIMITS = {
    "cpu_period": 100000,
    "cpu_quota": 50000,
    "cpu_shares": 512,
    "memory_limit_in_bytes": 32 * MIB,
    "memory_swap_limit_in_bytes": 32 * MIB,
}


def limited(**resources: int) -> dict[str, Any]:
    """What limits a container."""
    own = {"security_context": {"namespace_options": {"pid": 1}}}
    return {"linux": {"resources": {**LIMITS, **resources}, **own}}


def test_a_container_that_is_killed_for_its_memory_says_so(shared: CriServer) -> None:
    pod = shared.pod()
    id = shared.run(pod, "exec dd if=/dev/zero of=/dev/null bs=64M", **limited())
    status = eventually(lambda: shared.status(id), lambda status: status.finished_at)
    assert (status.reason, status.exit_code) == ("OOMKilled", 137)


def test_statistics_and_metrics_have_the_limits_and_what_is_used(shared: CriServer) -> None:
    pod = shared.pod()
    id = shared.run(pod, "sleep 1000", **limited())
    memory = shared("ContainerStats", container_id=id).stats.memory
    assert memory.usage_bytes.value > 0 and memory.page_faults.value > 0
    assert memory.available_bytes.value == 32 * MIB - memory.working_set_bytes.value
    values = metrics_of(shared, pod)
    assert values["container_spec_memory_limit_bytes"] == 32 * MIB
    assert values["container_spec_cpu_quota"] == 50000 and values["container_spec_cpu_shares"] == 512
    assert values["container_spec_memory_reservation_limit_bytes"] == 0
    assert 0 < values["container_memory_usage_bytes"] <= values["container_memory_max_usage_bytes"]
    assert values["container_oom_events_total"] == 0
    assert values["container_threads"] >= values["container_processes"] > 0
    assert "container_cpu_cfs_periods_total" in values and "container_memory_failures_total" in values
    more = {"memory_limit_in_bytes": 48 * MIB, "memory_swap_limit_in_bytes": 48 * MIB}
    shared("UpdateContainerResources", container_id=id, linux=more)
    assert metrics_of(shared, pod)["container_spec_memory_limit_bytes"] == 48 * MIB


def metrics_of(server: CriServer, pod: str) -> dict[str, int]:
    """The metrics of a pod's only container."""
    (found,) = (one for one in server("ListPodSandboxMetrics").pod_metrics if one.pod_sandbox_id == pod)
    return {one.name: one.value.value for one in found.container_metrics[0].metrics}
