"""Jobs end when enough of their pods succeeded or too many failed, and count each pod once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import CronJob, CronJobSpec, Job, JobTemplateSpec
from firkin.kubelet.workloads.cron_job import decide_cron_job
from firkin.kubelet.workloads.decision import Decision
from firkin.kubelet.workloads.indexes import format_indexes, parse_indexes
from firkin.kubelet.workloads.job import decide_job, is_finished
from firkin.kubelet.workloads.job_policies import INDEX
from tests.support.job_world import NOW, World, ends, job


def test_a_job_runs_until_enough_have_succeeded() -> None:
    world = World(job(completions=5, parallelism=2))
    world.settle()
    assert (len(world.active()), world.item.status.active) == (2, 2)
    for done in range(1, 6):
        world.end("Succeeded")
        assert world.item.status.succeeded == done
        assert len(world.active()) == min(2, 5 - done)
    assert is_finished(world.item) == "Complete"
    assert world.item.status.completion_time == NOW
    assert {type_ for type_, _, _ in ends(world)} == {"SuccessCriteriaMet", "Complete"}
    assert len(world.pods) == 5


def test_a_failed_pod_is_replaced_after_a_while_that_doubles() -> None:
    world = World(job(backoff_limit=3))
    world.settle()
    for failures, seconds in ((1, 10), (2, 20), (3, 40)):
        world.end("Failed")
        decision = world.settle()
        assert (world.active(), world.item.status.failed) == ([], failures)
        assert decision.again == world.now + timedelta(seconds=seconds)
        world.now += timedelta(seconds=seconds)
        world.settle()
        assert len(world.active()) == 1
    world.end("Failed")
    assert is_finished(world.item) == "Failed"
    assert ends(world) == {
        ("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
        ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    }


def test_each_pod_counts_once_wherever_a_crash_comes() -> None:
    world = World(job(completions=2))
    world.settle()
    first = world.pods[0]
    world.pods = [replace(first, status=PodStatus(phase="Succeeded"))]
    # The status is written, the pod is not marked: it is decided again.
    for _ in range(3):
        decision = decide_job(world.item, world.pods, NOW)
        world.item = replace(world.item, status=decision.status)
        assert decision.status.succeeded == 0
        waiting = decision.status.uncounted_terminated_pods
        assert waiting is not None and waiting.succeeded == [first.metadata.uid]
    # Whether it is marked or has gone: it is counted by the write that strikes it out.
    marked = world.mark(world.pods[0])
    for pods in ([marked], []):
        status = decide_job(world.item, pods, NOW).status
        assert (status.succeeded, status.uncounted_terminated_pods) == (1, None)
        again = decide_job(replace(world.item, status=status), pods, NOW).status
        assert again.succeeded == 1


def test_a_job_that_takes_too_long_fails() -> None:
    world = World(job(active_deadline_seconds=60))
    assert world.settle().again == NOW + timedelta(seconds=60)
    world.now += timedelta(seconds=60)
    decision = decide_job(world.item, world.pods, world.now)
    assert len(decision.delete) == 1
    # It has failed when the last of its pods has ended.
    assert [(one.type, one.reason) for one in decision.status.conditions] == [("FailureTarget", "DeadlineExceeded")]
    going = [replace(pod, metadata=replace(pod.metadata, deletion_timestamp=NOW)) for pod in world.pods]
    targeted = replace(world.item, status=decision.status)
    assert is_finished(replace(targeted, status=decide_job(targeted, going, world.now).status)) == ""
    assert is_finished(replace(targeted, status=decide_job(targeted, [], world.now).status)) == "Failed"


def test_a_finished_job_goes_in_its_time() -> None:
    world = World(job(ttl_seconds_after_finished=100))
    world.settle()
    world.end("Succeeded")
    assert world.settle().again == NOW + timedelta(seconds=100)
    world.now += timedelta(seconds=99)
    assert not world.step().remove
    world.now += timedelta(seconds=1)
    assert world.step().remove


def test_each_index_succeeds_once() -> None:
    world = World(job(completions=3, parallelism=2, completion_mode="Indexed"))
    world.settle()
    assert [pod.metadata.annotations[INDEX] for pod in world.active()] == ["0", "1"]
    pod = world.active()[0]
    assert pod.metadata.name.startswith("j-0-") and pod.spec.hostname == "j-0"
    assert pod.spec.containers[0].env[0].name == "JOB_COMPLETION_INDEX"
    world.end("Succeeded")
    assert [pod.metadata.annotations[INDEX] for pod in world.active()] == ["1", "2"]
    world.end("Failed")
    world.now += timedelta(seconds=10)
    world.settle()
    assert sorted(pod.metadata.annotations[INDEX] for pod in world.active()) == ["1", "2"]
    world.end("Succeeded", 2)
    status = world.item.status
    assert (is_finished(world.item), status.completed_indexes, status.succeeded) == ("Complete", "0-2", 3)


def test_a_queue_is_done_when_one_succeeded_and_none_runs() -> None:
    world = World(job(parallelism=3))
    world.settle()
    world.end("Succeeded")
    assert (len(world.active()), is_finished(world.item)) == (2, "")
    world.end("Succeeded", 2)
    assert is_finished(world.item) == "Complete"


def test_a_suspended_job_has_no_pods_and_begins_anew() -> None:
    world = World(job())
    world.settle()
    world.item = replace(world.item, spec=replace(world.item.spec, suspend=True))
    decision = world.step()
    assert len(decision.delete) == 1 and decision.status.start_time is None
    world.settle()
    world.now += timedelta(seconds=5)
    world.item = replace(world.item, spec=replace(world.item.spec, suspend=False))
    world.settle()
    assert (len(world.active()), world.item.status.start_time) == (1, world.now)
    (condition,) = world.item.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Suspended", "False", "JobResumed")


@pytest.mark.parametrize(("indexes", "text"), [([], ""), ([3], "3"), ([1, 2], "1,2"), ([0, 2, 3, 4, 7], "0,2-4,7")])
def test_indexes(indexes: list[int], text: str) -> None:
    assert format_indexes(indexes) == text
    assert parse_indexes(text) == set(indexes)


def cron(**spec: Any) -> CronJob:
    made = CronJobSpec(schedule="*/5 * * * *", job_template=JobTemplateSpec(spec=job().spec), time_zone="UTC", **spec)
    return CronJob(metadata=ObjectMeta(name="c", uid="2", creation_timestamp=NOW), spec=made)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_a_job_is_made_when_its_time_has_come_and_once() -> None:
    decision = decide_cron_job(cron(), [], NOW)
    assert (decision.create, decision.again) == ((), datetime(2026, 1, 2, 3, 5, tzinfo=UTC))
    decision = decide_cron_job(cron(), [], later(1))
    (made,) = decision.create
    assert made.metadata.name == f"c-{int(datetime(2026, 1, 2, 3, 5, tzinfo=UTC).timestamp()) // 60}"
    assert made.metadata.owner_references[0].kind == "CronJob"
    written = replace(cron(), status=decision.status)
    assert isinstance(made, Job)
    assert decide_cron_job(written, [made], later(2)).create == ()
    # The agent ended before it had written that.
    assert decide_cron_job(cron(), [made], later(2)).create == ()
    # Of many that were missed the last one is made up for.
    (made,) = decide_cron_job(cron(), [], later(60 * 24 * 30)).create
    assert made.metadata.name.endswith(str(int(datetime(2026, 2, 1, 3, 0, tzinfo=UTC).timestamp()) // 60))


def test_jobs_that_run_still_hold_up_the_next_or_are_replaced() -> None:
    (first,) = decide_cron_job(cron(), [], later(1)).create
    assert isinstance(first, Job)

    def decided(policy: str) -> Decision:
        item = replace(cron(concurrency_policy=policy), status=decide_cron_job(cron(), [], later(1)).status)
        return decide_cron_job(item, [first], later(6))

    assert (len(decided("Allow").create), decided("Allow").delete) == (1, ())
    assert (decided("Forbid").create, decided("Forbid").notes[0].reason) == ((), "JobAlreadyActive")
    assert (len(decided("Replace").create), decided("Replace").delete) == (1, (first,))


def test_what_is_too_late_is_missed() -> None:
    decision = decide_cron_job(cron(starting_deadline_seconds=30), [], later(2))
    assert decision.create == ()
    assert len(decide_cron_job(cron(starting_deadline_seconds=100), [], later(2)).create) == 1
    assert decide_cron_job(cron(suspend=True), [], later(2)).create == ()


def test_old_jobs_are_forgotten() -> None:
    def ended(number: int, kind: str) -> Job:
        world = World(job(backoff_limit=0))
        world.now = later(number)
        world.settle()
        world.end("Succeeded" if kind == "Complete" else "Failed")
        return replace(world.item, metadata=ObjectMeta(name=f"{kind}{number}", uid=f"{kind}{number}"))

    jobs = [ended(number, kind) for number in (3, 1, 2, 4) for kind in ("Complete", "Failed")]
    names = [one.metadata.name for one in decide_cron_job(cron(), jobs, NOW).delete]
    assert names == ["Complete1", "Failed1", "Failed2", "Failed3"]
    assert decide_cron_job(cron(), jobs, NOW).status.last_successful_time == later(4)
