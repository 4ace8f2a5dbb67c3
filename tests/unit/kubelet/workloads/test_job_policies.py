"""Policies of Jobs: which failures end them, which do not count, and what is enough to have succeeded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod_status import ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus
from firkin.kubelet.api.workload import (
    Job,
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicy,
    SuccessPolicyRule,
)
from firkin.kubelet.objects.validation.check import InvalidError, check
from firkin.kubelet.workloads.job import is_finished
from firkin.kubelet.workloads.job_policies import FAILURES, INDEX, index_of
from tests.support.job_world import World, ends, job


def on_codes(action: str, *values: int, operator: str = "In", container: str | None = None) -> PodFailurePolicyRule:
    codes = PodFailurePolicyOnExitCodesRequirement(operator=operator, values=list(values), container_name=container)
    return PodFailurePolicyRule(action=action, on_exit_codes=codes)


DISRUPTED = PodFailurePolicyRule(
    action="Ignore", on_pod_conditions=[PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget")]
)


def failing(*rules: PodFailurePolicyRule, **spec: Any) -> World:
    world = World(job(pod_failure_policy=PodFailurePolicy(rules=list(rules)), **spec))
    world.settle()
    return world


def fail(world: World, code: int, *conditions: Condition, index: int | None = None) -> None:
    """One pod, that of the index if one is said, fails with this exit code."""
    ended = ContainerStateTerminated(exit_code=code, finished_at=world.now)
    statuses = [ContainerStatus(name="c", state=ContainerState(terminated=ended))]
    status = PodStatus(phase="Failed", container_statuses=statuses, conditions=list(conditions))
    chosen = next(pod for pod in world.active() if index in (None, index_of(pod)))
    world.pods = [replace(pod, status=status) if pod is chosen else pod for pod in world.pods]
    world.settle()


@pytest.mark.parametrize(
    ("rule", "code", "fails"),
    [
        (on_codes("FailJob", 42), 42, True),
        (on_codes("FailJob", 42), 43, False),
        (on_codes("FailJob", 42, container="other"), 42, False),
        (on_codes("FailJob", 42, container="c"), 42, True),
        (on_codes("FailJob", 42, operator="NotIn"), 43, True),
        # 0 is no failure of the container, whatever the operator.
        (on_codes("FailJob", 42, operator="NotIn"), 0, False),
    ],
)
def test_an_exit_code_ends_the_job(rule: PodFailurePolicyRule, code: int, fails: bool) -> None:
    world = failing(rule)
    name = world.pods[0].metadata.name
    fail(world, code)
    assert bool(is_finished(world.item)) is fails
    if fails:
        text = f"Container c for pod default/{name} failed with exit code {code} matching FailJob rule at index 0"
        assert ("Failed", "PodFailurePolicy", text) in ends(world)


def test_the_others_are_stopped_when_one_ends_the_job() -> None:
    world = failing(on_codes("FailJob", 1), parallelism=3, completions=3)
    fail(world, 1)
    assert (is_finished(world.item), world.active()) == ("Failed", [])


def test_what_is_ignored_does_not_count_and_is_replaced_at_once() -> None:
    world = failing(DISRUPTED, on_codes("Count", 1), backoff_limit=0)
    for _ in range(3):
        fail(world, 137, Condition(type="DisruptionTarget", status="True"))
        assert (world.item.status.failed, len(world.active()), is_finished(world.item)) == (0, 1, "")
    # The first rule that matches counts.
    fail(world, 1)
    assert (world.item.status.failed, is_finished(world.item)) == (1, "Failed")


def test_what_no_rule_matches_counts() -> None:
    world = failing(on_codes("Ignore", 7), backoff_limit=0)
    fail(world, 8)
    assert is_finished(world.item) == "Failed"


def indexed(**spec: Any) -> World:
    world = World(job(completion_mode="Indexed", completions=3, parallelism=3, **spec))
    world.settle()
    return world


def test_an_index_fails_after_its_own_tries_and_the_others_go_on() -> None:
    world = indexed(backoff_limit_per_index=1)
    assert world.item.status.failed_indexes == ""
    fail(world, 1, index=1)
    assert sorted(map(index_of, world.active())) == [0, 2]
    assert world.settle().again == world.now + timedelta(seconds=10)
    world.now += timedelta(seconds=10)
    world.settle()
    again = next(pod for pod in world.active() if index_of(pod) == 1)
    assert (again.metadata.annotations[FAILURES], again.metadata.annotations[INDEX]) == ("1", "1")
    fail(world, 1, index=1)
    assert (world.item.status.failed_indexes, len(world.active()), is_finished(world.item)) == ("1", 2, "")
    world.end("Succeeded", 2)
    status = world.item.status
    assert (status.completed_indexes, status.failed_indexes) == ("0,2", "1")
    assert ("Failed", "FailedIndexes", "Job has failed indexes") in ends(world)


def test_too_many_failed_indexes_end_the_job() -> None:
    world = indexed(backoff_limit_per_index=0, max_failed_indexes=1)
    fail(world, 1, index=0)
    assert (is_finished(world.item), len(world.active())) == ("", 2)
    fail(world, 1, index=2)
    text = "Job has exceeded the specified maximal number of failed indexes"
    assert ("Failed", "MaxFailedIndexesExceeded", text) in ends(world)
    assert (world.active(), world.item.status.failed_indexes) == ([], "0,2")


def test_a_rule_fails_an_index_at_once_and_one_that_ignores_does_not_count_for_it() -> None:
    policy = PodFailurePolicy(rules=[on_codes("FailIndex", 42), on_codes("Ignore", 7)])
    world = indexed(backoff_limit_per_index=5, pod_failure_policy=policy)
    fail(world, 42, index=0)
    assert world.item.status.failed_indexes == "0"
    fail(world, 7, index=1)
    again = next(pod for pod in world.active() if index_of(pod) == 1)
    assert again.metadata.annotations[FAILURES] == "0"


@pytest.mark.parametrize(
    ("rules", "done", "number"),
    [
        ([SuccessPolicyRule(succeeded_indexes="0,2")], 3, 0),
        ([SuccessPolicyRule(succeeded_indexes="0-1")], 2, 0),
        ([SuccessPolicyRule(succeeded_count=2)], 2, 0),
        ([SuccessPolicyRule(succeeded_indexes="1-2", succeeded_count=1)], 2, 0),
        ([SuccessPolicyRule(succeeded_count=3), SuccessPolicyRule(succeeded_indexes="0")], 1, 1),
    ],
)
def test_what_is_enough(rules: list[SuccessPolicyRule], done: int, number: int) -> None:
    world = indexed(success_policy=SuccessPolicy(rules=rules))
    for count in range(done):
        assert (is_finished(world.item), len(world.active())) == ("", 3 - count)
        world.end("Succeeded")
    assert is_finished(world.item) == "Complete" and world.active() == []
    assert ("SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {number}") in ends(world)
    assert ("Complete", "SuccessPolicy", f"Matched rules at index {number}") in ends(world)


def policy(*rules: PodFailurePolicyRule) -> PodFailurePolicy:
    return PodFailurePolicy(rules=list(rules))


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (job(pod_failure_policy=policy(on_codes("FailJob", 1)), restart="OnFailure"),
         'restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'),
        (job(pod_failure_policy=policy(on_codes("FailIndex", 1))), "requires the backoffLimitPerIndex to be set"),
        (job(pod_failure_policy=policy(on_codes("FailJob", 0, 1))), "values[0]: Invalid value: 0: must not be 0"),
        (job(pod_failure_policy=policy(on_codes("FailJob", 1, container="x"))), "must be one of the container or init"),
        (job(pod_failure_policy=policy(PodFailurePolicyRule(action="Count"))), "one of OnExitCodes and OnPodCond"),
        (job(pod_failure_policy=policy(), pod_replacement_policy="TerminatingOrFailed"),
         'podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'),
        (job(backoff_limit_per_index=1), "backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        (job(completion_mode="Indexed", completions=2, max_failed_indexes=1),
         "backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        (job(success_policy=SuccessPolicy()), "requires indexed completion mode"),
        (job(completion_mode="Indexed", completions=2,
             success_policy=SuccessPolicy(rules=[SuccessPolicyRule(succeeded_indexes="0-2")])),
         "index 2 is not below completions (2)"),
        (job(completion_mode="Indexed", completions=2,
             success_policy=SuccessPolicy(rules=[SuccessPolicyRule(succeeded_count=3)])),
         "must be less than or equal to 2 (the number of specified completions)"),
    ],
)  # fmt: skip
def test_what_is_not_allowed(item: Job, fault: str) -> None:
    named = replace(item, metadata=replace(item.metadata, namespace="default"))
    with pytest.raises(InvalidError) as caught:
        check(named)
    assert any(fault in str(one) for one in caught.value.faults), caught.value.faults


def test_defaults_depend_on_the_policies() -> None:
    spec = job(pod_failure_policy=policy(DISRUPTED)).spec
    assert (spec.pod_replacement_policy, spec.backoff_limit) == ("Failed", 6)
    assert job(backoff_limit_per_index=1).spec.backoff_limit == 2**31 - 1
