"""Deployments, ReplicaSets, DaemonSets, Jobs and CronJobs, and what of them may change."""

from __future__ import annotations

import zoneinfo

from firkin.kubelet.api.meta import LabelSelector
from firkin.kubelet.api.pod import PodTemplateSpec
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job, JobSpec, ReplicaSet, RollingUpdate
from firkin.kubelet.objects.selectors import selector_of
from firkin.kubelet.objects.validation import job_policies, metadata, numbers, pods
from firkin.kubelet.objects.validation.fault import Faults, forbidden, invalid, join, one_of, required
from firkin.kubelet.workloads.schedule import parse_schedule

__all__ = ["cron_job", "daemon_set", "deployment", "job", "job_change", "replica_set", "selector_change"]

# The pods of a CronJob's Jobs have 11 letters more.
_CRON_JOB_NAME = 52


def deployment(value: Deployment) -> Faults:
    """A Deployment."""
    yield from metadata.metadata(value.metadata, namespaced=True)
    yield from numbers.at_least("spec.replicas", value.spec.replicas)
    yield from numbers.at_least("spec.minReadySeconds", value.spec.min_ready_seconds)
    yield from numbers.at_least("spec.revisionHistoryLimit", value.spec.revision_history_limit)
    yield from numbers.at_least("spec.progressDeadlineSeconds", value.spec.progress_deadline_seconds)
    if value.spec.progress_deadline_seconds <= value.spec.min_ready_seconds:
        detail = "must be greater than minReadySeconds"
        yield invalid("spec.progressDeadlineSeconds", value.spec.progress_deadline_seconds, detail)
    strategy = value.spec.strategy
    yield from one_of("spec.strategy.type", strategy.type, ("Recreate", "RollingUpdate"), optional=False)
    if strategy.type == "Recreate" and strategy.rolling_update is not None:
        yield forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif strategy.rolling_update is not None:
        yield from _rolling("spec.strategy.rollingUpdate", strategy.rolling_update)
    yield from _pods_of("spec", value.spec.selector, value.spec.template)


def replica_set(value: ReplicaSet) -> Faults:
    """A ReplicaSet."""
    yield from metadata.metadata(value.metadata, namespaced=True)
    yield from numbers.at_least("spec.replicas", value.spec.replicas)
    yield from numbers.at_least("spec.minReadySeconds", value.spec.min_ready_seconds)
    yield from _pods_of("spec", value.spec.selector, value.spec.template)


def daemon_set(value: DaemonSet) -> Faults:
    """A DaemonSet."""
    yield from metadata.metadata(value.metadata, namespaced=True)
    yield from numbers.at_least("spec.minReadySeconds", value.spec.min_ready_seconds)
    strategy = value.spec.update_strategy
    yield from one_of("spec.updateStrategy.type", strategy.type, ("OnDelete", "RollingUpdate"), optional=False)
    if strategy.rolling_update is not None:
        yield from _rolling("spec.updateStrategy.rollingUpdate", strategy.rolling_update)
    yield from _pods_of("spec", value.spec.selector, value.spec.template)


def selector_change(before: Deployment | ReplicaSet | DaemonSet, after: Deployment | ReplicaSet | DaemonSet) -> Faults:
    """What may change of a Deployment, a ReplicaSet or a DaemonSet: all but how it knows its pods."""
    if before.spec.selector != after.spec.selector:
        yield invalid("spec.selector", _labels(after.spec.selector), "field is immutable")


def job(value: Job) -> Faults:
    """A Job."""
    yield from metadata.metadata(value.metadata, namespaced=True, most=63)
    yield from _job_spec("spec", value.spec)
    if value.spec.manual_selector and value.spec.selector is None:
        yield required("spec.selector")
    elif value.spec.selector is not None:
        yield from _pods_of("spec", value.spec.selector, value.spec.template)


def job_change(before: Job, after: Job) -> Faults:
    """What may change of a Job: how many pods at once, its limits, and whether it waits."""
    for field, one, other in (
        ("selector", before.spec.selector, after.spec.selector),
        ("completionMode", before.spec.completion_mode, after.spec.completion_mode),
        ("template", before.spec.template, after.spec.template),
        ("podFailurePolicy", before.spec.pod_failure_policy, after.spec.pod_failure_policy),
        ("successPolicy", before.spec.success_policy, after.spec.success_policy),
        ("backoffLimitPerIndex", before.spec.backoff_limit_per_index, after.spec.backoff_limit_per_index),
        ("podReplacementPolicy", before.spec.pod_replacement_policy, after.spec.pod_replacement_policy),
    ):
        if one != other:
            shown = other if isinstance(other, str | int) else "..."
            yield invalid(f"spec.{field}", shown, "field is immutable")
    elastic = after.spec.completion_mode == "Indexed" and after.spec.completions == after.spec.parallelism
    if before.spec.completions != after.spec.completions and not elastic:
        yield invalid("spec.completions", after.spec.completions, "field is immutable")


def cron_job(value: CronJob) -> Faults:
    """A CronJob."""
    yield from metadata.metadata(value.metadata, namespaced=True, most=_CRON_JOB_NAME)
    yield from _schedule(value.spec.schedule)
    yield from _time_zone(value.spec.time_zone)
    yield from numbers.at_least("spec.startingDeadlineSeconds", value.spec.starting_deadline_seconds)
    policies = ("Allow", "Forbid", "Replace")
    yield from one_of("spec.concurrencyPolicy", value.spec.concurrency_policy, policies, optional=False)
    yield from numbers.at_least("spec.successfulJobsHistoryLimit", value.spec.successful_jobs_history_limit)
    yield from numbers.at_least("spec.failedJobsHistoryLimit", value.spec.failed_jobs_history_limit)
    inner = value.spec.job_template
    yield from metadata.template_metadata("spec.jobTemplate.metadata", inner.metadata)
    yield from _job_spec("spec.jobTemplate.spec", inner.spec)
    yield from pods.template("spec.jobTemplate.spec.template", inner.spec.template)
    if inner.spec.manual_selector:
        yield forbidden("spec.jobTemplate.spec.manualSelector", "CronJobs may not use manualSelector")


def _job_spec(path: str, value: JobSpec) -> Faults:
    for field, number in (
        ("parallelism", value.parallelism),
        ("completions", value.completions),
        ("backoffLimit", value.backoff_limit),
        ("activeDeadlineSeconds", value.active_deadline_seconds),
        ("ttlSecondsAfterFinished", value.ttl_seconds_after_finished),
    ):
        yield from numbers.at_least(join(path, field), number)
    yield from one_of(join(path, "completionMode"), value.completion_mode, ("Indexed", "NonIndexed"))
    policies = ("Failed", "TerminatingOrFailed")
    yield from one_of(join(path, "podReplacementPolicy"), value.pod_replacement_policy, policies)
    if value.completion_mode == "Indexed":
        if value.completions is None:
            yield required(join(path, "completions"), "when completion mode is Indexed")
        elif value.completions > 100_000 or (value.parallelism or 0) > 100_000:
            yield invalid(
                join(path, "completions"),
                value.completions,
                "must be less than or equal to 100000 when completion mode is Indexed",
            )
    yield from job_policies.policies(path, value)
    policy = value.template.spec.restart_policy
    if policy not in ("OnFailure", "Never"):
        place = join(path, "template.spec.restartPolicy")
        yield from one_of(place, policy, ("Never", "OnFailure"), optional=False)


def _pods_of(path: str, selector: LabelSelector, template: PodTemplateSpec) -> Faults:
    yield from metadata.selector(join(path, "selector"), selector)
    place = join(path, "template")
    if not selector.match_labels and not selector.match_expressions:
        yield invalid(join(path, "selector"), "{}", "empty selector is invalid")
    elif not selector_of(selector).matches(template.metadata.labels):
        detail = "`selector` does not match template `labels`"
        yield invalid(join(place, "metadata.labels"), template.metadata.labels, detail)
    yield from pods.template(place, template)
    if template.spec.restart_policy != "Always" and "job-name" not in template.metadata.labels:
        yield from one_of(join(place, "spec.restartPolicy"), template.spec.restart_policy, ("Always",))


def _rolling(path: str, value: RollingUpdate) -> Faults:
    yield from numbers.count_or_percent(join(path, "maxUnavailable"), value.max_unavailable)
    yield from numbers.count_or_percent(join(path, "maxSurge"), value.max_surge)
    if value.max_unavailable in (0, "0%") and value.max_surge in (0, "0%"):
        yield invalid(join(path, "maxUnavailable"), value.max_unavailable, "may not be 0 when `maxSurge` is 0")


def _schedule(text: str) -> Faults:
    if not text:
        yield required("spec.schedule")
        return
    if "TZ" in text:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid("spec.schedule", text, detail)
        return
    try:
        parse_schedule(text)
    except ValueError as error:
        yield invalid("spec.schedule", text, str(error))


def _time_zone(name: str | None) -> Faults:
    if name is None:
        return
    try:
        known = bool(name) and name.lower() != "local" and zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        yield invalid("spec.timeZone", name, f"unknown time zone {name}")


def _labels(selector: LabelSelector) -> str:
    return ",".join(f"{name}={value}" for name, value in selector.match_labels.items())
