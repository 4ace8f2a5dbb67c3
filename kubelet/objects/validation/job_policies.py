"""What a Job may say of failures and of success."""

from __future__ import annotations

import re

from firkin.kubelet.api.workload import JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule
from firkin.kubelet.objects.validation import numbers
from firkin.kubelet.objects.validation.fault import Faults, forbidden, invalid, join, one_of, required

__all__ = ["policies"]

_MOST_RULES = 20
_MOST_CODES = 255
_INDEXES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


def policies(path: str, value: JobSpec) -> Faults:
    """podFailurePolicy, successPolicy, and the limits of each index."""
    yield from _per_index(path, value)
    if value.pod_failure_policy is not None:
        yield from _failure(path, value)
    if value.success_policy is not None:
        yield from _success(path, value)


def _per_index(path: str, value: JobSpec) -> Faults:
    limit, most = value.backoff_limit_per_index, value.max_failed_indexes
    yield from numbers.at_least(join(path, "backoffLimitPerIndex"), limit)
    yield from numbers.at_least(join(path, "maxFailedIndexes"), most)
    if limit is not None:
        if value.completion_mode != "Indexed":
            yield invalid(join(path, "backoffLimitPerIndex"), limit, "requires indexed completion mode")
        yield from _never(path, value, "backoffLimitPerIndex")
    if most is not None and limit is None:
        detail = "when maxFailedIndexes is specified"
        yield required(join(path, "backoffLimitPerIndex"), detail)
    if most is not None and value.completions is not None and most > value.completions:
        yield invalid(join(path, "maxFailedIndexes"), most, "must be less than or equal to completions")


def _never(path: str, value: JobSpec, field: str) -> Faults:
    policy = value.template.spec.restart_policy
    if policy != "Never":
        detail = f'only "Never" is supported when {field} is specified'
        yield invalid(join(path, "template.spec.restartPolicy"), policy, detail)


def _failure(path: str, value: JobSpec) -> Faults:
    assert value.pod_failure_policy is not None
    place, rules = join(path, "podFailurePolicy.rules"), value.pod_failure_policy.rules
    yield from _never(path, value, "podFailurePolicy")
    if value.pod_replacement_policy != "Failed":
        yield from one_of(join(path, "podReplacementPolicy"), value.pod_replacement_policy, ("Failed",))
    if len(rules) > _MOST_RULES:
        yield invalid(place, len(rules), f"must have at most {_MOST_RULES} items")
    spec = value.template.spec
    names = {one.name for one in (*spec.containers, *spec.init_containers)}
    for number, rule in enumerate(rules):
        yield from _rule(f"{place}[{number}]", rule, names, per_index=value.backoff_limit_per_index is not None)


def _rule(path: str, rule: PodFailurePolicyRule, names: set[str], *, per_index: bool) -> Faults:
    actions = ("Count", "FailIndex", "FailJob", "Ignore")
    yield from one_of(join(path, "action"), rule.action, actions, optional=False)
    if rule.action == "FailIndex" and not per_index:
        yield invalid(join(path, "action"), rule.action, "requires the backoffLimitPerIndex to be set")
    if rule.on_exit_codes is not None and rule.on_pod_conditions:
        yield invalid(path, "...", "specifying both OnExitCodes and OnPodConditions is not supported")
    elif rule.on_exit_codes is None and not rule.on_pod_conditions:
        yield invalid(path, "...", "specifying one of OnExitCodes and OnPodConditions is required")
    if rule.on_exit_codes is not None:
        yield from _codes(join(path, "onExitCodes"), rule.on_exit_codes, names)
    for number, pattern in enumerate(rule.on_pod_conditions):
        place = f"{path}.onPodConditions[{number}]"
        yield from one_of(join(place, "status"), pattern.status, ("False", "True", "Unknown"), optional=False)
        if not pattern.type:
            yield required(join(place, "type"))


def _codes(path: str, value: PodFailurePolicyOnExitCodesRequirement, names: set[str]) -> Faults:
    yield from one_of(join(path, "operator"), value.operator, ("In", "NotIn"), optional=False)
    if value.container_name is not None and value.container_name not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        yield invalid(join(path, "containerName"), value.container_name, detail)
    place = join(path, "values")
    if not value.values:
        yield invalid(place, "[]", "at least one value is required")
    elif len(value.values) > _MOST_CODES:
        yield invalid(place, len(value.values), f"must have at most {_MOST_CODES} items")
    if value.operator == "In" and 0 in value.values:
        yield invalid(f"{place}[{value.values.index(0)}]", 0, "must not be 0 for the In operator")
    if value.values != sorted(set(value.values)):
        yield invalid(place, value.values, "must be ordered, each value once")


def _success(path: str, value: JobSpec) -> Faults:
    assert value.success_policy is not None
    place, rules = join(path, "successPolicy"), value.success_policy.rules
    if value.completion_mode != "Indexed":
        yield invalid(place, "...", "requires indexed completion mode")
    if not rules:
        yield required(join(place, "rules"), "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MOST_RULES:
        yield invalid(join(place, "rules"), len(rules), f"must have at most {_MOST_RULES} items")
    for number, rule in enumerate(rules):
        where = f"{place}.rules[{number}]"
        if rule.succeeded_count is None and rule.succeeded_indexes is None:
            yield required(where, "at least one of succeededCount or succeededIndexes must be specified")
        if rule.succeeded_count is not None and rule.succeeded_count < 1:
            yield invalid(join(where, "succeededCount"), rule.succeeded_count, "must be greater than or equal to 1")
        elif rule.succeeded_count is not None and rule.succeeded_count > (value.completions or 0):
            detail = f"must be less than or equal to {value.completions or 0} (the number of specified completions)"
            yield invalid(join(where, "succeededCount"), rule.succeeded_count, detail)
        if rule.succeeded_indexes is not None:
            yield from _indexes(join(where, "succeededIndexes"), rule.succeeded_indexes, value.completions or 0)


def _indexes(path: str, text: str, completions: int) -> Faults:
    if not _INDEXES.fullmatch(text):
        yield invalid(path, text, "must be indexes and runs of them, such as 0,2-4")
        return
    found = [int(number) for number in re.findall(r"\d+", text)]
    if found != sorted(set(found)):
        yield invalid(path, text, "must be ordered, each index once")
    elif found[-1] >= completions:
        yield forbidden(path, f"index {found[-1]} is not below completions ({completions})")
