"""Pods that do not fit beside others, and those that others make room for."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.settings import ResourceSettings
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cri_server import CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


def _is_decided(pod: Pod) -> bool:
    return is_ready(pod) or pod.status.phase == "Failed"


def test_what_does_not_fit_is_refused_and_a_critical_pod_takes_the_room(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        share = here.agent.machine.allocatable.cpu * 6 // 10
        request = f"resources: {{requests: {{cpu: {share}m}}}}"
        quick = "terminationGracePeriodSeconds: 0"
        # At the same time: the second must not be let in before the first is reported.
        for name in ("one", "two"):
            here.apply(manifest(name, quick, more=request))
        pods = [await here.wait(name, _is_decided) for name in ("one", "two")]
        (refused,) = [pod for pod in pods if pod.status.phase == "Failed"]
        (first,) = [pod for pod in pods if pod is not refused]
        capacity = here.agent.machine.allocatable.cpu
        told = f"Node didn't have enough resource: cpu, requested: {share}, used: {share}, capacity: {capacity}"
        assert (refused.status.reason, refused.status.message) == ("OutOfcpu", told)
        assert ("OutOfcpu", told) in here.events(refused.metadata.name)
        here.apply(manifest("critical", f"{quick}\npriorityClassName: system-node-critical\npriority: 2000001000",
                            more=request))  # fmt: skip
        critical = await here.wait("critical", _is_decided)
        assert critical.status.phase == "Running" and main(critical).restart_count == 0
        gone = here.pod(first.metadata.name)
        assert gone and (gone.status.phase, gone.status.reason, gone.status.message) == (
            "Failed", "Preempting", "Preempted in order to admit critical pod",
        )  # fmt: skip
        target = [one for one in gone.status.conditions if one.type == "DisruptionTarget"]
        assert [one.reason for one in target] == ["TerminationByKubelet"]

    run(shared, tmp_path, script, resources=ResourceSettings(max_pods=10))
