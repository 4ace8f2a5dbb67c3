"""What workloads decide is carried out, and what belonged to one goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from firkin.kubelet.api.meta import Condition, Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import CronJob, CronJobStatus, Deployment, Job
from firkin.kubelet.workloads.controller import Workloads
from tests.support.agent_api import ApiCaller

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


class Notes:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def record(self, about: Resource, type_: str, reason: str, message: str, /) -> None:
        self.reasons.append(reason)


Until = Callable[[Callable[[], bool]], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


def run(
    tmp_path: Path, work: Callable[[ApiCaller, Until], Awaitable[None]], clock: Callable[[], datetime] = utc_now
) -> Notes:
    async def main() -> Notes:
        caller, notes = ApiCaller(tmp_path), Notes()
        task = asyncio.create_task(Workloads(caller.objects, notes, "node", {}, clock).run())

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


def test_a_clock_that_jumps_makes_no_job_twice_and_none_for_what_was_passed_over(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)]
    asked = set()

    def clock() -> datetime:
        asked.add(now[0])
        return now[0]

    async def work(caller: ApiCaller, until: Until) -> None:
        async def jump(to: datetime) -> None:
            # That something changes is when it looks at the clock.
            now[0] = to
            labels = {"metadata": {"labels": {"at": str(to.timestamp())}}}
            await caller.ask("PATCH", f"{CRON_JOBS}/c", labels, "merge-patch+json")
            await until(lambda: to in asked)

        def names() -> list[str]:
            return [job.metadata.name for job in caller.objects.list(Job)]

        template = {"spec": {"template": {"spec": spec("Never")}}}
        made = {"schedule": "0 * * * *", "timeZone": "UTC", "jobTemplate": template}
        await caller.ask("POST", CRON_JOBS, {"metadata": {"name": "c"}, "spec": made})
        caller.objects.set_status(CronJob, "default", "c", CronJobStatus(last_schedule_time=now[0]))
        await jump(datetime(2026, 1, 2, 8, 30, tzinfo=UTC))
        # Five times were passed over: the last one counts.
        await until(lambda: names() == [f"c-{int(datetime(2026, 1, 2, 8, tzinfo=UTC).timestamp()) // 60}"])
        await jump(datetime(2026, 1, 2, 6, 59, tzinfo=UTC))
        await jump(datetime(2026, 1, 2, 7, 30, tzinfo=UTC))
        await jump(datetime(2026, 1, 2, 8, 59, tzinfo=UTC))
        await jump(datetime(2026, 1, 2, 9, 0, 1, tzinfo=UTC))
        await until(lambda: len(names()) == 2)
        assert names()[1].endswith(str(int(datetime(2026, 1, 2, 9, tzinfo=UTC).timestamp()) // 60))

    run(tmp_path, work, clock)
