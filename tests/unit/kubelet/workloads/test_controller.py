"""What workloads decide is carried out, and what belonged to one goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from firkin.kubelet.api.meta import Condition, Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import Deployment, Job
from firkin.kubelet.workloads.controller import Workloads
from tests.support.agent_api import ApiCaller

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


class Notes:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def record(self, about: Resource, type_: str, reason: str, message: str, /) -> None:
        self.reasons.append(reason)


Until = Callable[[Callable[[], bool]], Awaitable[None]]


def run(tmp_path: Path, work: Callable[[ApiCaller, Until], Awaitable[None]]) -> Notes:
    async def main() -> Notes:
        caller, notes = ApiCaller(tmp_path), Notes()
        task = asyncio.create_task(Workloads(caller.objects, notes, "node", {}).run())

        async def until(condition: Callable[[], bool]) -> None:
            async with asyncio.timeout(60):
                while not condition():
                    assert not task.done(), task.result()
                    await asyncio.sleep(0.005)

        await work(caller, until)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        caller.objects.close()
        return notes

    return asyncio.run(main())


def spec(policy: str = "Always") -> dict[str, object]:
    return {"restartPolicy": policy, "containers": [{"name": "c", "image": "c:1"}]}


def deployment(replicas: int) -> dict[str, object]:
    made = {"metadata": {"labels": {"app": "d"}}, "spec": spec()}
    selector = {"matchLabels": {"app": "d"}}
    return {"metadata": {"name": "d"}, "spec": {"replicas": replicas, "selector": selector, "template": made}}


def make_ready(caller: ApiCaller) -> None:
    condition = Condition(type="Ready", status="True", last_transition_time=datetime.now(UTC))
    for pod in caller.objects.list(Pod):
        status = PodStatus(phase="Running", conditions=[condition])
        caller.objects.set_status(Pod, "default", pod.metadata.name, status)


def test_a_deployment_gets_its_pods_and_takes_them_along(tmp_path: Path) -> None:
    async def work(caller: ApiCaller, until: Until) -> None:
        await caller.ask("POST", DEPLOYMENTS, deployment(2))
        await until(lambda: len(caller.objects.list(Pod)) == 2)
        pod = caller.objects.list(Pod)[0]
        assert (pod.spec.node_name, pod.status.phase, pod.status.qos_class) == ("node", "Pending", "BestEffort")
        make_ready(caller)

        def item() -> Deployment:
            (found,) = caller.objects.list(Deployment)
            return found

        await until(lambda: item().status.available_replicas == 2)
        await caller.ask("DELETE", f"{DEPLOYMENTS}/d")
        await until(lambda: all(pod.metadata.deletion_timestamp for pod in caller.objects.list(Pod)))

    assert run(tmp_path, work).reasons == ["ScalingReplicaSet", "SuccessfulCreate", "SuccessfulCreate"]


def test_in_the_foreground_the_owner_goes_last(tmp_path: Path) -> None:
    async def work(caller: ApiCaller, until: Until) -> None:
        await caller.ask("POST", DEPLOYMENTS, deployment(1))
        await until(lambda: len(caller.objects.list(Pod)) == 1)
        await caller.ask("DELETE", f"{DEPLOYMENTS}/d", {"propagationPolicy": "Foreground"})
        await until(lambda: caller.objects.list(Pod)[0].metadata.deletion_timestamp is not None)
        assert len(caller.objects.list(Deployment)) == 1
        caller.objects.remove(Pod, "default", caller.objects.list(Pod)[0].metadata.name)
        await until(lambda: not caller.objects.list(Deployment))

    run(tmp_path, work)


def test_a_job_counts_its_pods_and_ends(tmp_path: Path) -> None:
    async def work(caller: ApiCaller, until: Until) -> None:
        made = {"completions": 2, "ttlSecondsAfterFinished": 0, "template": {"spec": spec("Never")}}
        await caller.ask("POST", JOBS, {"metadata": {"name": "j"}, "spec": made})
        for _ in range(2):
            await until(lambda: any(pod.status.phase == "Pending" for pod in caller.objects.list(Pod)))
            pod = next(pod for pod in caller.objects.list(Pod) if pod.status.phase == "Pending")
            caller.objects.set_status(Pod, "default", pod.metadata.name, PodStatus(phase="Succeeded"))
        # It goes at once when it has ended, and its pods with it.
        await until(lambda: not caller.objects.list(Job) and not caller.objects.list(Pod))

    notes = run(tmp_path, work)
    assert notes.reasons == ["SuccessfulCreate", "SuccessfulCreate", "Completed"]
