"""Restarting all containers of a pod in place: what is removed in which order, and what is reported meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.pods.actions import compute_actions
from firkin.kubelet.pods.status import Facts, pod_status
from firkin.kubelet.pods.view import PodView
from tests.support.pod_tables import (
    container,
    exited,
    lost,
    made,
    make_pod,
    restarting_on,
    runs,
    sandbox,
    sidecar,
    view,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALL = restarting_on(88, action="RestartAllContainers")
POD = make_pod(
    container("main"),
    container("done"),
    init=[container("setup"), sidecar("watcher", restart_policy_rules=ALL)],
    policy="Never",
)
UP = (runs("watcher"), runs("main"), exited("done"), exited("setup"))
FIRED = (exited("watcher", 88), runs("main"), exited("done"), exited("setup"))


def reported(pod: Pod, *seen: PodView) -> Pod:
    """The pod after each of these has been reported."""
    for one in seen:
        pod = replace(pod, status=pod_status(pod, one, Facts(now=NOW)))
    return pod


def condition(status: PodStatus) -> tuple[str, str]:
    """The status and the reason of the condition, which is there."""
    (found,) = [one for one in status.conditions if one.type == "AllContainersRestarting"]
    return found.status, found.reason


@pytest.mark.parametrize(
    ("seen", "order"),
    [
        (view(*FIRED), "main done setup watcher"),
        (view(exited("watcher", 87), runs("main")), ""),
        (view(*UP), ""),
        # Its next one runs already.
        (view(runs("watcher"), exited("watcher", 88, id="old"), runs("main")), ""),
        # In a sandbox that is gone it counts as well: the next one is made when they are.
        (view(exited("watcher", 88), sandboxes=(sandbox(ready=False),)), "watcher"),
        (view(exited("watcher", 88), lost("main"), made("done")), "main done watcher"),
    ],
)
def test_what_is_removed_and_the_reason_last(seen: PodView, order: str) -> None:
    actions = compute_actions(POD, seen, {})
    assert " ".join(one.name for one in actions.reset) == order
    if order:
        assert not (actions.kill_pod or actions.create_sandbox or actions.to_kill or actions.init or actions.containers)


def test_the_first_rule_that_matches_counts() -> None:
    rules = [*restarting_on(1, 2), *restarting_on(0, operator="NotIn", action="RestartAllContainers")]
    pod = make_pod(container("a", restart_policy="Never", restart_policy_rules=rules), container("b"), policy="Never")
    assert not compute_actions(pod, view(exited("a", 2), runs("b")), {}).reset
    assert compute_actions(pod, view(exited("a", 3), runs("b")), {}).reset
    assert not compute_actions(pod, view(exited("a", 0), runs("b")), {})


def test_an_agent_that_was_killed_meanwhile_goes_on() -> None:
    pod = reported(POD, view(*UP), view(*FIRED))
    assert compute_actions(pod, view(exited("setup")), {}).reset
    assert compute_actions(pod, view(), {}).init == [POD.spec.init_containers[0]]


def test_the_condition_is_true_until_all_are_gone() -> None:
    assert condition(reported(POD, view(*UP)).status) == ("False", "")
    assert condition(reported(POD, view(*FIRED)).status) == ("True", "RestartAllContainersStarted")
    half = reported(POD, view(*FIRED), view(exited("setup")))
    assert condition(half.status) == ("True", "RestartAllContainersStarted")
    assert condition(reported(half, view()).status) == ("False", "")


@pytest.mark.parametrize(("code", "reason"), [(0, "PodCompleted"), (1, "PodFailed")])
def test_the_condition_of_a_pod_that_has_ended(code: int, reason: str) -> None:
    ended = view(exited("main", code), exited("done"), exited("setup"), exited("watcher"))
    assert condition(reported(POD, ended).status) == ("False", reason)


def test_other_pods_do_not_have_the_condition() -> None:
    ruled = make_pod(container("a", restart_policy="Never", restart_policy_rules=restarting_on(1)))
    types = {one.type for one in reported(ruled, view(runs("a"))).status.conditions}
    assert "AllContainersRestarting" not in types


def test_what_has_run_is_counted_and_waits_and_the_pod_has_not_failed() -> None:
    gone = reported(POD, view(*UP), view(*FIRED), view()).status
    found = [*gone.init_container_statuses, *gone.container_statuses]
    assert [one.restart_count for one in found] == [1, 1, 1, 1]
    assert {one.state.waiting.reason for one in found if one.state.waiting} == {"RestartingAllContainers"}
    assert {(one.last_state.terminated.exit_code) for one in found if one.last_state.terminated} == {137}
    assert gone.phase == "Pending"


def test_one_that_had_not_run_is_not_counted() -> None:
    before = view(exited("watcher", 88), exited("setup"))
    gone = reported(POD, before, view()).status
    assert [one.restart_count for one in gone.init_container_statuses] == [1, 1]
    assert [one.restart_count for one in gone.container_statuses] == [0, 0]


def test_what_is_started_then_remembers_why_the_last_one_ended() -> None:
    again = view(runs("setup", restart_count=1, id="new"))
    status = reported(POD, view(*UP), view(*FIRED), view(), again).status.init_container_statuses[0]
    assert status.state.running is not None and status.restart_count == 1
    last = status.last_state.terminated
    assert last is not None and (last.exit_code, last.reason) == (137, "RestartingAllContainers")
