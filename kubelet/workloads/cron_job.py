"""CronJobs: a Job at each time of a schedule."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.workload import CronJob, CronJobStatus, Job, ObjectReference
from firkin.kubelet.workloads.decision import Decision, Note
from firkin.kubelet.workloads.job import is_finished
from firkin.kubelet.workloads.pods import owner_of
from firkin.kubelet.workloads.schedule import Schedule, parse_schedule

__all__ = ["decide_cron_job"]

# As Kubernetes: with more times missed than this it is not looked how many.
_MOST_MISSED = 100
_replace = msgspec.structs.replace


def decide_cron_job(item: CronJob, jobs: Sequence[Job], now: datetime) -> Decision:
    """What is to be done for a CronJob whose Jobs are `jobs`."""
    active = [job for job in jobs if not is_finished(job)]
    old = _history(item, jobs)
    status = _status(item, active, jobs)
    if item.spec.suspend or item.metadata.deletion_timestamp is not None:
        return Decision(status, (), old)
    schedule, zone = parse_schedule(item.spec.schedule), _zone(item)
    due, missed = _due(item, schedule, zone, now)
    again = schedule.next(now, zone)
    if due is None:
        return Decision(status, (), old, (), again)
    notes: list[Note] = []
    if missed > _MOST_MISSED:
        notes.append(
            Note(
                "Warning",
                "TooManyMissedTimes",
                f"too many missed start times: {missed}; set or decrease .spec.startingDeadlineSeconds",
            )
        )
    late = item.spec.starting_deadline_seconds
    if late is not None and now > due + timedelta(seconds=late):
        notes.append(
            Note("Warning", "MissSchedule", f"Missed scheduled time to start a job: {due:%a, %d %b %Y %H:%M:%S %z}")
        )
        return Decision(_replace(status, last_schedule_time=due), (), old, tuple(notes), again)
    if active and item.spec.concurrency_policy == "Forbid":
        if item.status.last_schedule_time != due:
            notes.append(
                Note(
                    "Normal",
                    "JobAlreadyActive",
                    "Not starting job because prior execution is running and concurrency policy is Forbid",
                )
            )
        return Decision(status, (), old, tuple(notes), again)
    replaced = active if item.spec.concurrency_policy == "Replace" else []
    job = _job(item, due)
    if any(one.metadata.name == job.metadata.name for one in jobs):
        return Decision(_replace(status, last_schedule_time=due), (), old, (), again)
    notes += [Note("Normal", "SuccessfulDelete", f"Deleted job {one.metadata.name}") for one in replaced]
    notes.append(Note("Normal", "SuccessfulCreate", f"Created job {job.metadata.name}"))
    kept = [one for one in status.active if one.uid not in {job.metadata.uid for job in replaced}]
    status = _replace(status, last_schedule_time=due, active=kept)
    return Decision(status, (job,), (*old, *replaced), tuple(notes), again)


def _zone(item: CronJob) -> tzinfo:
    # Without one it is that of the process, as in Kubernetes.
    if item.spec.time_zone:
        return zoneinfo.ZoneInfo(item.spec.time_zone)
    return datetime.now().astimezone().tzinfo or UTC


def _due(item: CronJob, schedule: Schedule, zone: tzinfo, now: datetime) -> tuple[datetime | None, int]:
    # The last time that has come since the one before, and how many came.
    since = item.status.last_schedule_time or item.metadata.creation_timestamp or now
    if item.spec.starting_deadline_seconds is not None:
        since = max(since, now - timedelta(seconds=item.spec.starting_deadline_seconds))
    due, count = None, 0
    following = schedule.next(since, zone)
    if schedule.every and following is not None and following <= now:
        count = int((now - since).total_seconds()) // schedule.every
        return since + timedelta(seconds=count * schedule.every), count
    while following is not None and following <= now:
        due, count = following, count + 1
        if count > _MOST_MISSED:
            # After a long time without the agent: the last of them is near.
            recent = _last_before(schedule, zone, now)
            return recent or due, count
        following = schedule.next(following, zone)
    return due, count


def _last_before(schedule: Schedule, zone: tzinfo, now: datetime) -> datetime | None:
    span = timedelta(minutes=1)
    while span < timedelta(days=366 * 9):
        due, following = None, schedule.next(now - span, zone)
        while following is not None and following <= now:
            due, following = following, schedule.next(following, zone)
        if due is not None:
            return due
        span *= 4
    return None


def _job(item: CronJob, due: datetime) -> Job:
    # The name is that of the time: it is made once, even if the agent ends before it has written that.
    template = item.spec.job_template
    metadata = ObjectMeta(
        name=f"{item.metadata.name}-{int(due.timestamp()) // 60}",
        namespace=item.metadata.namespace,
        labels=dict(template.metadata.labels),
        annotations={
            **template.metadata.annotations,
            "batch.kubernetes.io/cronjob-scheduled-timestamp": due.astimezone(_zone(item)).isoformat(
                timespec="seconds"
            ),
        },
        owner_references=[owner_of(item)],
    )
    return Job(metadata=metadata, spec=template.spec)


def _status(item: CronJob, active: list[Job], jobs: Sequence[Job]) -> CronJobStatus:
    references = [
        ObjectReference(
            kind="Job",
            namespace=job.metadata.namespace,
            name=job.metadata.name,
            uid=job.metadata.uid,
            api_version="batch/v1",
        )
        for job in active
    ]
    ends = [job.status.completion_time for job in jobs if is_finished(job) == "Complete"]
    known = [end for end in (*ends, item.status.last_successful_time) if end is not None]
    return _replace(item.status, active=references, last_successful_time=max(known, default=None))


def _history(item: CronJob, jobs: Sequence[Job]) -> tuple[Job, ...]:
    old: list[Job] = []
    limits = (("Complete", item.spec.successful_jobs_history_limit), ("Failed", item.spec.failed_jobs_history_limit))
    for kind, limit in limits:
        ended = [job for job in jobs if is_finished(job) == kind]
        ended.sort(
            key=lambda job: job.status.start_time or job.metadata.creation_timestamp or datetime.min.replace(tzinfo=UTC)
        )
        old += ended[: max(len(ended) - limit, 0)]
    return tuple(job for job in old if job.metadata.deletion_timestamp is None)
