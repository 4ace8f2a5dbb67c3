"""What a Job makes of the ends of its pods: podFailurePolicy, successPolicy and limits of each index. Pure.

Source: "Jobs" of the Kubernetes documentation (pod failure policy, success policy, backoff limit per index).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStateTerminated
from firkin.kubelet.api.workload import Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule
from firkin.kubelet.workloads.indexes import parse_indexes

__all__ = [
    "FAILURES", "IGNORE", "INDEX", "failed_indexes", "failures_of", "fatal_failure", "index_of", "is_ignored",
    "ready_times", "success",
]  # fmt: skip

INDEX = "batch.kubernetes.io/job-completion-index"
"""The annotation, and the label, of a pod with its index."""
FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""The annotation of a pod with how often pods of its index had failed before."""
IGNORE = "Ignore"

_FIRST_DELAY, _LONGEST_DELAY = 10.0, 600.0


def index_of(pod: Pod) -> int:
    """The index of a pod, -1 if it has none."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isascii() and text.isdecimal() else -1


def is_ignored(job: Job, pod: Pod) -> bool:
    """Whether a pod that failed does not count."""
    found = _matched(job, pod)
    return found is not None and found[0] == IGNORE


def fatal_failure(job: Job, pods: Iterable[Pod]) -> str:
    """Why the policy fails the Job, in the words of Kubernetes; "" if it does not."""
    failed = (pod for pod in pods if pod.status.phase == "Failed")
    found = (_matched(job, pod) for pod in failed)
    return next((message for action, message in filter(None, found) if action == "FailJob"), "")


def _matched(job: Job, pod: Pod) -> tuple[str, str] | None:
    # The action of the first rule that matches, and how it did.
    policy = job.spec.pod_failure_policy
    where = f"{pod.metadata.namespace}/{pod.metadata.name}"
    for number, rule in enumerate(policy.rules if policy else ()):
        for how in _reasons(rule, pod, where):
            return rule.action, f"{how} matching {rule.action} rule at index {number}"
    return None


def _reasons(rule: PodFailurePolicyRule, pod: Pod, where: str) -> Iterator[str]:
    if rule.on_exit_codes is not None:
        for name, ended in _ends(pod):
            if _is_meant(rule.on_exit_codes, name, ended.exit_code):
                yield f"Container {name} for pod {where} failed with exit code {ended.exit_code}"
    held = {(one.type, one.status) for one in pod.status.conditions}
    for pattern in rule.on_pod_conditions:
        if (pattern.type, pattern.status) in held:
            yield f"Pod {where} has condition {pattern.type}"


def _ends(pod: Pod) -> Iterator[tuple[str, ContainerStateTerminated]]:
    for one in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if one.state.terminated is not None:
            yield one.name, one.state.terminated


def _is_meant(codes: PodFailurePolicyOnExitCodesRequirement, name: str, code: int) -> bool:
    if codes.container_name not in (None, name) or code == 0:
        return False
    return (code in codes.values) is (codes.operator == "In")


def failures_of(job: Job, pods: Iterable[Pod]) -> dict[int, int]:
    """How often each index has failed, of those that have pods which failed."""
    found: dict[int, int] = {}
    for pod in pods:
        if pod.status.phase == "Failed" and index_of(pod) >= 0:
            before = int(pod.metadata.annotations.get(FAILURES, "0"))
            count = before + (not is_ignored(job, pod))
            found[index_of(pod)] = max(found.get(index_of(pod), 0), count)
    return found


def failed_indexes(job: Job, pods: Sequence[Pod], known: Iterable[int]) -> set[int]:
    """The indexes that have failed for good: too often, or as the policy says; `known` are those of before."""
    limit = job.spec.backoff_limit_per_index
    if limit is None:
        return set()
    often = {index for index, count in failures_of(job, pods).items() if count > limit}
    failed = (pod for pod in pods if pod.status.phase == "Failed")
    matched = {index_of(pod): _matched(job, pod) for pod in failed}
    return {*known, *often, *(index for index, found in matched.items() if found and found[0] == "FailIndex")}


def ready_times(job: Job, pods: Sequence[Pod]) -> Mapping[int, datetime]:
    """When each index that has failed may be tried again."""
    counts = failures_of(job, pods)
    found: dict[int, datetime] = {}
    for pod in pods:
        index = index_of(pod)
        if pod.status.phase != "Failed" or not counts.get(index):
            continue
        ends = [one.finished_at for _, one in _ends(pod)]
        known = [time for time in (*ends, pod.metadata.creation_timestamp) if time is not None]
        delay = timedelta(seconds=min(_FIRST_DELAY * 2 ** (counts[index] - 1), _LONGEST_DELAY))
        if known:
            found[index] = max(found.get(index, max(known) + delay), max(known) + delay)
    return found


def success(job: Job, done: set[int]) -> int | None:
    """The number of the rule by which the Job has succeeded with the indexes that are `done`; None if it has not."""
    policy = job.spec.success_policy
    for number, rule in enumerate(policy.rules if policy else ()):
        meant = done if rule.succeeded_indexes is None else done & parse_indexes(rule.succeeded_indexes)
        if rule.succeeded_count is not None:
            enough = len(meant) >= rule.succeeded_count
        else:
            enough = meant == parse_indexes(rule.succeeded_indexes or "")
        if enough:
            return number
    return None
