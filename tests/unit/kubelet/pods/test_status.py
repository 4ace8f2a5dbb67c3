"""The status of a pod: phase, containers, conditions, by what the runtime has and what was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.container import VolumeMount
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod, PodReadinessGate
from firkin.kubelet.api.pod_status import ContainerStatus, PodStatus
from firkin.kubelet.pods.container_status import Waiting
from firkin.kubelet.pods.status import Facts, Verdict, ended_status, failed_status, pod_status
from firkin.kubelet.pods.view import PodView
from firkin.kubelet.probes.verdict import Verdict as Known
from tests.support.pod_tables import (
    PROBED,
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


def status_of(pod: Pod, seen: PodView, before: PodView | None = None, **more: Any) -> PodStatus:
    """The status, after it was that of `before`."""
    if before is not None:
        pod = replace(pod, status=pod_status(pod, before, Facts(now=NOW)))
    return pod_status(pod, seen, Facts(now=NOW, **more))


@dataclass(frozen=True)
class Case:
    pod: Pod
    view: PodView
    phase: str
    ended: bool = False


TWO = make_pod(container("a"), container("b"))
NEVER = make_pod(container("a"), container("b"), policy="Never")
ON_FAILURE = make_pod(policy="OnFailure")
INIT = make_pod(init=[container("i")])
SIDE = make_pod(init=[sidecar("s")])
RULED = make_pod(container("a", restart_policy="Never", restart_policy_rules=restarting_on(42)), policy="Never")
STATIC = replace(make_pod(), metadata=replace(make_pod().metadata, annotations={"kubernetes.io/config.source": "file"}))

PHASES = {
    "nothing is there": Case(TWO, view(sandboxes=()), "Pending"),
    "one is made": Case(TWO, view(runs("a"), made("b")), "Pending"),
    "all run": Case(TWO, view(runs("a"), runs("b")), "Running"),
    "one has ended, and is started again": Case(TWO, view(runs("a"), exited("b", 1)), "Running"),
    "all have ended, and are started again": Case(TWO, view(exited("a"), exited("b")), "Running"),
    "all have succeeded": Case(NEVER, view(exited("a"), exited("b")), "Succeeded"),
    "one has failed, one runs": Case(NEVER, view(runs("a"), exited("b", 1)), "Running"),
    "one has failed, the other succeeded": Case(NEVER, view(exited("a"), exited("b", 1)), "Failed"),
    "it failed, and is started again": Case(ON_FAILURE, view(exited("a", 1)), "Running"),
    "it succeeded, and is not": Case(ON_FAILURE, view(exited("a")), "Succeeded"),
    "a rule starts it again": Case(RULED, view(exited("a", 42)), "Running"),
    "no rule does": Case(RULED, view(exited("a", 1)), "Failed"),
    "nothing will run again": Case(TWO, view(exited("a"), exited("b")), "Succeeded", ended=True),
    "nothing will run again, and one failed": Case(TWO, view(exited("a"), exited("b", 9)), "Failed", ended=True),
    "a static pod runs for its file": Case(STATIC, view(exited("a")), "Running", ended=True),
    "an init container runs": Case(INIT, view(runs("i")), "Pending"),
    "an init container failed, and is started again": Case(INIT, view(exited("i", 1)), "Pending"),
    "an init container failed for good": Case(
        make_pod(init=[container("i")], policy="Never"), view(exited("i", 1)), "Failed"
    ),
    "init containers are done": Case(INIT, view(exited("i")), "Pending"),
    "init containers are done, and removed": Case(INIT, view(runs("a")), "Running"),
    "a sidecar runs, nothing else": Case(SIDE, view(runs("s")), "Pending"),
    "a sidecar ended beside a container": Case(SIDE, view(runs("a"), exited("s", 1)), "Running"),
    "a sidecar runs, the container is done": Case(
        make_pod(init=[sidecar("s")], policy="Never"), view(exited("a"), runs("s")), "Running"
    ),
    "a sidecar and the container are done": Case(
        make_pod(init=[sidecar("s")], policy="Never"), view(exited("a"), exited("s", 137)), "Succeeded"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PHASES.values(), ids=PHASES.keys())
def test_the_phase(case: Case) -> None:
    assert status_of(case.pod, case.view, has_ended=case.ended).phase == case.phase


def test_a_sidecar_that_starts_again_does_not_make_the_pod_pending() -> None:
    pod = make_pod(init=[sidecar("s", startup_probe=PROBED)])
    known = {"s": Known(started=False, ready=False, failed=None)}
    assert status_of(pod, view(runs("a"), runs("s")), known=known).phase == "Running"
    assert status_of(pod, view(runs("a", sandbox_id="before"), runs("s")), known=known).phase == "Pending"


def test_a_phase_that_is_an_end_is_never_left() -> None:
    before = PodStatus(phase="Failed", reason="Evicted", message="too much")
    status = status_of(replace(TWO, status=before), view(runs("a"), runs("b")))
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", "too much")


def test_a_verdict_ends_the_pod_whatever_runs() -> None:
    target = Condition(type="DisruptionTarget", status="True", reason="TerminationByKubelet")
    verdict = Verdict("Evicted", "The node was low on resource: memory.", (target,))
    status = status_of(TWO, view(runs("a"), runs("b")), verdict=verdict)
    assert (status.phase, status.reason) == ("Failed", "Evicted")
    assert conditions(status)["DisruptionTarget"] == ("True", "TerminationByKubelet", "")
    assert conditions(status)["Ready"] == ("False", "PodFailed", "")


def first(status: PodStatus) -> ContainerStatus:
    return status.container_statuses[0]


def test_a_container_that_was_never_made_waits() -> None:
    for pod, reason in ((make_pod(), "ContainerCreating"), (INIT, "PodInitializing")):
        waiting = first(status_of(pod, view())).state.waiting
        assert waiting is not None and waiting.reason == reason


def test_a_container_that_runs() -> None:
    status = first(status_of(make_pod(), view(runs("a", restart_count=2, image="image", image_ref="sha256:1"))))
    assert status.state.running is not None
    assert status.state.running.started_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert (status.restart_count, status.image_id, status.container_id) == (2, "sha256:1", "firkin://a-id")
    assert (status.started, status.ready) == (True, True)


def test_a_container_that_has_ended_says_how() -> None:
    state = first(status_of(NEVER, view(exited("a", 3, message="bye"), runs("b")))).state.terminated
    assert state is not None
    assert (state.exit_code, state.reason, state.message, state.container_id) == (3, "Error", "bye", "firkin://a-id")


def test_why_a_container_does_not_start_is_its_state_and_how_it_ended_is_the_last_one() -> None:
    waiting = {"a": Waiting("CrashLoopBackOff", "back-off 10s")}
    status = first(status_of(make_pod(), view(exited("a", 7)), waiting=waiting))
    assert status.state.waiting is not None and status.state.waiting.reason == "CrashLoopBackOff"
    assert status.last_state.terminated is not None and status.last_state.terminated.exit_code == 7
    assert first(status_of(make_pod(), view(runs("a")), waiting=waiting)).state.waiting is None
    assert first(status_of(make_pod(policy="Never"), view(exited("a")), waiting=waiting)).state.waiting is None


def test_the_container_before_is_the_last_state() -> None:
    seen = view(runs("a", id="new", restart_count=1), exited("a", 9, id="old"))
    status = first(status_of(make_pod(), seen))
    assert status.last_state.terminated is not None and status.last_state.terminated.container_id == "firkin://old"
    removed = first(status_of(make_pod(), view(runs("a", id="new", restart_count=1)), before=seen))
    assert removed.last_state == status.last_state


def test_a_container_that_ran_and_can_not_be_found_has_ended() -> None:
    status = first(status_of(make_pod(), view(), before=view(runs("a"))))
    assert status.last_state.terminated is not None
    assert (status.last_state.terminated.exit_code, status.restart_count) == (137, 1)
    assert status.last_state.terminated.reason == "ContainerStatusUnknown"
    unknown = first(status_of(make_pod(), view(lost("a")), before=view(runs("a"))))
    assert unknown.state.terminated is not None and unknown.state.terminated.reason == "ContainerStatusUnknown"
    assert unknown.restart_count == 1


def test_how_a_container_ended_is_remembered_when_it_is_removed() -> None:
    status = first(status_of(NEVER, view(runs("b")), before=view(exited("a", 5), runs("b"))))
    assert status.state.terminated is not None and status.state.terminated.exit_code == 5


def test_init_containers_that_were_removed_went_well() -> None:
    status = status_of(INIT, view(runs("a"))).init_container_statuses[0]
    assert status.state.terminated is not None and status.state.terminated.reason == "Completed"
    assert status.ready


def test_probes_say_whether_a_container_is_started_and_ready() -> None:
    pod = make_pod(container("a", startup_probe=PROBED), container("b", readiness_probe=PROBED), container("c"))
    known = {"a": Known(started=False, ready=False, failed=None), "b": Known(started=True, ready=False, failed=None)}
    found = status_of(pod, view(runs("a"), runs("b"), runs("c")), known=known).container_statuses
    assert [(one.started, one.ready) for one in found] == [(False, False), (True, False), (True, True)]
    ended = first(status_of(make_pod(policy="Never"), view(exited("a")), known={}))
    assert (ended.started, ended.ready) == (False, False)


def test_volumes_of_a_container_are_named() -> None:
    mounts = [
        VolumeMount(name="v", mount_path="/v"),
        VolumeMount(name="w", mount_path="/w", read_only=True),
        VolumeMount(name="x", mount_path="/x", read_only=True, recursive_read_only="IfPossible"),
    ]
    found = first(status_of(make_pod(container("a", volume_mounts=mounts)), view())).volume_mounts
    assert [(one.name, one.recursive_read_only) for one in found] == [
        ("v", None), ("w", "Disabled"), ("x", "Enabled"),
    ]  # fmt: skip


def conditions(status: PodStatus) -> dict[str, tuple[str, str, str]]:
    return {one.type: (one.status, one.reason, one.message) for one in status.conditions}


def test_conditions_of_a_pod_that_comes_up() -> None:
    found = conditions(status_of(TWO, view(sandboxes=())))
    unready = ("False", "ContainersNotReady", "containers with unready status: [a b]")
    assert found == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": ("True", "", ""),
        "Ready": unready,
        "ContainersReady": unready,
        "PodScheduled": ("True", "", ""),
    }
    up = conditions(status_of(TWO, view(runs("a"), runs("b"))))
    assert set(up.values()) == {("True", "", "")}


def test_conditions_of_initialization() -> None:
    incomplete = ("False", "ContainersNotInitialized", "containers with incomplete status: [i]")
    assert conditions(status_of(INIT, view(runs("i"))))["Initialized"] == incomplete
    assert conditions(status_of(INIT, view(exited("i"))))["Initialized"] == ("True", "", "")
    # A sidecar that is started again later changes nothing.
    assert conditions(status_of(SIDE, view(runs("a"), exited("s"))))["Initialized"] == ("True", "", "")


def test_conditions_of_a_pod_that_has_ended() -> None:
    succeeded = conditions(status_of(make_pod(policy="Never"), view(exited("a"))))
    assert succeeded["Ready"] == succeeded["ContainersReady"] == ("False", "PodCompleted", "")
    assert succeeded["Initialized"] == ("True", "PodCompleted", "")
    failed = conditions(status_of(make_pod(policy="Never"), view(exited("a", 1))))
    assert failed["Ready"] == ("False", "PodFailed", "")


def test_a_readiness_gate_is_somebody_elses_condition() -> None:
    pod = make_pod(readiness_gates=[PodReadinessGate(condition_type="example/up")])
    missing = conditions(status_of(pod, view(runs("a"))))["Ready"]
    assert missing[1:] == (
        "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "example/up" does not exist.',
    )
    for status, reason in (("False", "ReadinessGatesNotReady"), ("True", "")):
        gate = Condition(type="example/up", status=status)
        gated = replace(pod, status=PodStatus(conditions=[gate]))
        assert conditions(status_of(gated, view(runs("a"))))["Ready"][1] == reason


def test_a_condition_remembers_since_when_it_is_so() -> None:
    pod = replace(TWO, status=status_of(TWO, view()))
    later = NOW + timedelta(hours=1)
    status = pod_status(pod, view(runs("a"), runs("b")), Facts(now=later))
    since = {one.type: one.last_transition_time for one in status.conditions}
    assert since["PodScheduled"] == NOW
    assert since["Ready"] == later
    assert status.start_time == NOW


def test_addresses() -> None:
    seen = view(runs("a"), sandboxes=[sandbox(ips=("10.0.0.2", "fd00::2"))])
    status = status_of(make_pod(), seen, host_ips=("192.0.2.1",))
    assert (status.pod_ip, [one.ip for one in status.pod_ips]) == ("10.0.0.2", ["10.0.0.2", "fd00::2"])
    assert status.host_ip == "192.0.2.1"
    of_node = status_of(make_pod(host_network=True), view(runs("a")), host_ips=("192.0.2.1",))
    assert of_node.pod_ip == "192.0.2.1"


def test_a_pod_that_is_not_let_in_has_failed() -> None:
    status = failed_status(make_pod(), NOW, "OutOfcpu", "Pod was rejected")
    assert (status.phase, status.reason, status.start_time) == ("Failed", "OutOfcpu", NOW)


def test_the_last_status_of_a_pod_has_no_container_that_runs_or_waits() -> None:
    status = ended_status(status_of(TWO, view(exited("a", 2))))
    assert status.phase == "Failed"
    ends = [one.state.terminated for one in status.container_statuses]
    assert [one.exit_code for one in ends if one] == [2, 137]
