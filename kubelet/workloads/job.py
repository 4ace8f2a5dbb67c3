"""Jobs: pods until so many of them have succeeded, or too many have failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from firkin.kubelet.api.container import Container, EnvVar, EnvVarSource
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod, PodTemplateSpec
from firkin.kubelet.api.volume import ObjectFieldSelector
from firkin.kubelet.api.workload import Job, JobStatus, UncountedTerminatedPods
from firkin.kubelet.workloads.decision import Decision, Note, at_first, with_condition
from firkin.kubelet.workloads.indexes import format_indexes, parse_indexes
from firkin.kubelet.workloads.job_policies import (
    FAILURES,
    INDEX,
    failed_indexes,
    failures_of,
    fatal_failure,
    index_of,
    is_ignored,
    ready_times,
    success,
)
from firkin.kubelet.workloads.pods import LETTERS, is_ended, is_going, is_ready, pod_of

__all__ = ["COUNTED", "INDEX", "decide_job", "is_finished"]

# A pod that has it has been counted; it may go without being forgotten.
COUNTED = "batch.kubernetes.io/firkin-counted"
_FIRST_DELAY = 10.0
_LONGEST_DELAY = 600.0
_replace = msgspec.structs.replace


def is_finished(job: Job) -> str:
    """Complete or Failed, "" while it is neither."""
    ends = ("Complete", "Failed")
    return next((one.type for one in job.status.conditions if one.type in ends and one.status == "True"), "")


def decide_job(job: Job, pods: Sequence[Pod], now: datetime) -> Decision:
    """What is to be done for a Job whose pods are `pods`. Those that were not counted yet are counted in the status."""
    now = now.replace(microsecond=0)
    if is_finished(job):
        return _finished(job, pods, now)
    status = _counted(job, pods, now)
    active = [pod for pod in pods if not is_ended(pod) and not is_going(pod)]
    ending = [pod for pod in pods if not is_ended(pod) and is_going(pod)]
    status = _replace(status, active=len(active), ready=sum(map(is_ready, active)))
    decision = _decide(job, status, active, ending, pods, now)
    return decision._replace(mark=_to_mark(status, pods))


def _decide(
    job: Job, status: JobStatus, active: list[Pod], ending: list[Pod], pods: Sequence[Pod], now: datetime
) -> Decision:
    if job.spec.suspend:
        return _suspended(job, status, active, now)
    status = _resumed(status, now)
    end = _decided(status) or _judged(job, status, active, pods, now)
    if end is not None:
        return _ending(job, status, end, active, ending, now)
    create, delete, again = _steps(job, status, active, ending, pods, now)
    notes = [Note("Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}") for pod in create]
    notes += [Note("Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}") for pod in delete]
    deadline = _deadline(job, status)
    times = [time for time in (again, deadline) if time is not None and time > now]
    return Decision(status, tuple(create), tuple(delete), tuple(notes), min(times, default=None))


def _decided(status: JobStatus) -> Condition | None:
    # It was decided before how it ends, and its pods go.
    targets = ("FailureTarget", "SuccessCriteriaMet")
    return next((one for one in status.conditions if one.type in targets and one.status == "True"), None)


def _judged(job: Job, status: JobStatus, active: list[Pod], pods: Sequence[Pod], now: datetime) -> Condition | None:
    if message := fatal_failure(job, pods):
        return _condition("FailureTarget", now, "PodFailurePolicy", message)
    failed = _failure(job, status, pods, now)
    if failed is not None:
        return _condition("FailureTarget", now, *failed)
    rule = success(job, parse_indexes(status.completed_indexes))
    if rule is not None:
        return _condition("SuccessCriteriaMet", now, "SuccessPolicy", f"Matched rules at index {rule}")
    if not _is_complete(job, status, active):
        return None
    if status.failed_indexes:
        return _condition("FailureTarget", now, "FailedIndexes", "Job has failed indexes")
    reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
    return _condition("SuccessCriteriaMet", now, reason, message)


def _ending(
    job: Job, status: JobStatus, end: Condition, active: list[Pod], ending: list[Pod], now: datetime
) -> Decision:
    # First how it ends, and when the last of its pods has ended and is counted, that it has.
    status = _replace(status, conditions=with_condition(status.conditions, end))
    if active or ending or status.uncounted_terminated_pods is not None:
        return Decision(status, (), tuple(active))
    if end.type == "SuccessCriteriaMet":
        status = _replace(status, completion_time=now)
        return _end(job, status, _condition("Complete", now, end.reason, end.message))
    return _end(job, status, _condition("Failed", now, end.reason, end.message))


def _counted(job: Job, pods: Sequence[Pod], now: datetime) -> JobStatus:
    # In two steps, as a pod can go at any time and a crash come in between: a pod that has ended is written down, then
    # marked; what is marked, or gone, is taken into the counts by the same write that strikes it out.
    status = job.status if job.status.start_time or job.spec.suspend else _replace(job.status, start_time=now)
    waiting = status.uncounted_terminated_pods or UncountedTerminatedPods()
    unmarked = {pod.metadata.uid: pod for pod in pods if is_ended(pod) and COUNTED not in pod.metadata.annotations}
    indexed = job.spec.completion_mode == "Indexed"
    done = parse_indexes(status.completed_indexes)
    left: dict[str, list[str]] = {}
    counts = {"Succeeded": status.succeeded, "Failed": status.failed}
    for phase, uids in (("Succeeded", waiting.succeeded), ("Failed", waiting.failed)):
        counts[phase] += sum(uid not in unmarked for uid in uids)
        left[phase] = [uid for uid in uids if uid in unmarked]
        fresh = [
            uid
            for uid, pod in unmarked.items()
            if pod.status.phase == phase and uid not in uids and not (phase == "Failed" and is_ignored(job, pod))
        ]
        left[phase] += fresh
    if indexed:
        # Each index counts once, however often a pod of it succeeded.
        done |= {index_of(pod) for pod in pods if pod.status.phase == "Succeeded"}
        done = {index for index in done if 0 <= index < (job.spec.completions or 0)}
        counts["Succeeded"] = len(done)
    failed = failed_indexes(job, pods, parse_indexes(status.failed_indexes or "")) - done
    return _replace(
        status,
        failed_indexes=format_indexes(failed) if job.spec.backoff_limit_per_index is not None else None,
        succeeded=counts["Succeeded"],
        failed=counts["Failed"],
        completed_indexes=format_indexes(done),
        uncounted_terminated_pods=UncountedTerminatedPods(succeeded=left["Succeeded"], failed=left["Failed"])
        if any(left.values())
        else None,
    )


def _total(status: JobStatus, phase: str) -> int:
    # With those that are about to be counted.
    waiting = status.uncounted_terminated_pods or UncountedTerminatedPods()
    if phase == "Failed":
        return status.failed + len(waiting.failed)
    return status.succeeded + (0 if status.completed_indexes else len(waiting.succeeded))


def _to_mark(status: JobStatus, pods: Sequence[Pod]) -> tuple[Pod, ...]:
    waiting = status.uncounted_terminated_pods or UncountedTerminatedPods()
    uids = {*waiting.succeeded, *waiting.failed}
    return tuple(pod for pod in pods if pod.metadata.uid in uids)


def _failure(job: Job, status: JobStatus, pods: Sequence[Pod], now: datetime) -> tuple[str, str] | None:
    limit = job.spec.backoff_limit if job.spec.backoff_limit is not None else 6
    restarts = 0
    if job.spec.template.spec.restart_policy == "OnFailure":
        running = [pod for pod in pods if not is_ended(pod)]
        restarts = sum(one.restart_count for pod in running for one in pod.status.container_statuses)
    failures = _total(status, "Failed")
    if failures > limit or (restarts and failures + restarts > limit):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    most = job.spec.max_failed_indexes
    if most is not None and len(parse_indexes(status.failed_indexes or "")) > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return "MaxFailedIndexesExceeded", text
    deadline = _deadline(job, status)
    if deadline is not None and now >= deadline:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    return None


def _deadline(job: Job, status: JobStatus) -> datetime | None:
    if job.spec.active_deadline_seconds is None or status.start_time is None:
        return None
    return status.start_time + timedelta(seconds=job.spec.active_deadline_seconds)


def _is_complete(job: Job, status: JobStatus, active: list[Pod]) -> bool:
    if job.spec.completions is None:
        # A queue: who succeeds says that there is no more to do, and the others may finish.
        return _total(status, "Succeeded") > 0 and not active
    failed = len(parse_indexes(status.failed_indexes or ""))
    return _total(status, "Succeeded") + failed >= job.spec.completions


def _steps(
    job: Job, status: JobStatus, active: list[Pod], ending: list[Pod], pods: Sequence[Pod], now: datetime
) -> tuple[list[Pod], list[Pod], datetime | None]:
    wanted = job.spec.parallelism if job.spec.parallelism is not None else 1
    if job.spec.completions is not None:
        failed = len(parse_indexes(status.failed_indexes or ""))
        wanted = min(wanted, job.spec.completions - _total(status, "Succeeded") - failed)
    elif _total(status, "Succeeded"):
        wanted = min(wanted, len(active))
    if len(active) > wanted:
        return [], at_first(active)[: len(active) - wanted], None
    occupied = len(active) + (len(ending) if job.spec.pod_replacement_policy == "Failed" else 0)
    missing = wanted - occupied
    if missing <= 0:
        return [], [], None
    per_index = job.spec.backoff_limit_per_index is not None
    ready_at = None if per_index else _back_off(job, pods)
    if ready_at is not None and ready_at > now:
        return [], [], ready_at
    if job.spec.completion_mode != "Indexed":
        return [pod_of(job, job.spec.template, f"{job.metadata.name}-") for _ in range(missing)], [], None
    taken = parse_indexes(status.completed_indexes) | {index_of(pod) for pod in active}
    if job.spec.pod_replacement_policy == "Failed":
        taken |= {index_of(pod) for pod in ending}
    taken |= parse_indexes(status.failed_indexes or "")
    times = ready_times(job, pods) if per_index else {}
    late = {index: time for index, time in times.items() if time > now and index not in taken}
    counts = failures_of(job, pods) if per_index else None
    free = (index for index in range(job.spec.completions or 0) if index not in taken and index not in late)
    made = [_indexed(job, index, counts) for index, _ in zip(free, range(missing), strict=False)]
    return made, [], min(late.values(), default=None)


def _back_off(job: Job, pods: Sequence[Pod]) -> datetime | None:
    # Doubled for each failure since the last success, of the pods that are still known.
    ends: list[tuple[datetime, bool]] = []
    for pod in pods:
        times = [one.state.terminated.finished_at for one in pod.status.container_statuses if one.state.terminated]
        # One that the node does not take has not begun.
        known = [time for time in (*times, pod.metadata.creation_timestamp) if time is not None]
        if is_ended(pod) and known and not is_ignored(job, pod):
            ends.append((max(known), pod.status.phase == "Failed"))
    ends.sort()
    failures = 0
    for _, failed in reversed(ends):
        if not failed:
            break
        failures += 1
    if not failures:
        return None
    return ends[-1][0] + timedelta(seconds=min(_FIRST_DELAY * 2 ** (failures - 1), _LONGEST_DELAY))


def _indexed(job: Job, index: int, failures: Mapping[int, int] | None) -> Pod:
    name = f"{job.metadata.name[:50]}-{index}"
    template = job.spec.template
    spec = template.spec
    spec = _replace(
        spec,
        hostname=spec.hostname or name,
        containers=[_with_index(one) for one in spec.containers],
        init_containers=[_with_index(one) for one in spec.init_containers],
    )
    own = {INDEX: str(index)}
    told = own if failures is None else {**own, FAILURES: str(failures.get(index, 0))}
    made = pod_of(job, PodTemplateSpec(metadata=template.metadata, spec=spec), f"{name}-", labels=own, annotations=told)
    assert made.metadata.name[-1] in LETTERS
    return made


def _with_index(container: Container) -> Container:
    if any(one.name == "JOB_COMPLETION_INDEX" for one in container.env):
        return container
    field = ObjectFieldSelector(field_path=f"metadata.labels['{INDEX}']")
    variable = EnvVar(name="JOB_COMPLETION_INDEX", value_from=EnvVarSource(field_ref=field))
    return _replace(container, env=[*container.env, variable])


def _suspended(job: Job, status: JobStatus, active: list[Pod], now: datetime) -> Decision:
    before = _is_suspended(status)
    conditions = status.conditions
    notes: tuple[Note, ...] = ()
    if not before:
        suspended = _condition("Suspended", now, "JobSuspended", "Job suspended")
        conditions = with_condition(conditions, suspended)
        notes = (Note("Normal", "Suspended", "Job suspended"),)
    return Decision(_replace(status, conditions=conditions, start_time=None), (), tuple(active), notes)


def _is_suspended(status: JobStatus) -> bool:
    return any(one.type == "Suspended" and one.status == "True" for one in status.conditions)


def _resumed(status: JobStatus, now: datetime) -> JobStatus:
    if not _is_suspended(status):
        return status
    resumed = _replace(_condition("Suspended", now, "JobResumed", "Job resumed"), status="False")
    return _replace(status, conditions=with_condition(status.conditions, resumed), start_time=now)


def _end(job: Job, status: JobStatus, condition: Condition) -> Decision:
    status = _replace(status, conditions=with_condition(status.conditions, condition), active=0, ready=0)
    if condition.type == "Complete":
        note = Note("Normal", "Completed", "Job completed")
    else:
        note = Note("Warning", condition.reason, condition.message)
    ended = _replace(job, status=status)
    return Decision(status, (), (), (note,), _removal(ended))


def _finished(job: Job, pods: Sequence[Pod], now: datetime) -> Decision:
    again = _removal(job)
    if again is not None and again <= now:
        return Decision(job.status, remove=True)
    active = tuple(pod for pod in pods if not is_ended(pod) and not is_going(pod))
    return Decision(job.status, (), active, (), again)


def _removal(job: Job) -> datetime | None:
    seconds = job.spec.ttl_seconds_after_finished
    ends = [one.last_transition_time for one in job.status.conditions if one.type in ("Complete", "Failed")]
    if seconds is None or not ends or ends[0] is None:
        return None
    return ends[0] + timedelta(seconds=seconds)


def _condition(type_: str, now: datetime, reason: str = "", message: str = "") -> Condition:
    return Condition(
        type=type_, status="True", reason=reason, message=message, last_probe_time=now, last_transition_time=now
    )
