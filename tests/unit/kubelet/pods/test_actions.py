"""What is decided for a pod, by what is wanted of it and what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from firkin.kubelet.api.container import EphemeralContainer
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.actions import compute_actions
from firkin.kubelet.pods.decision import Actions
from firkin.kubelet.pods.view import PodView
from firkin.kubelet.probes.step import Kind
from firkin.kubelet.probes.verdict import Failed, Verdict
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

STARTED = Verdict(started=True, ready=True, failed=None)
STARTING = Verdict(started=False, ready=False, failed=None)
UNLIVE = Verdict(started=True, ready=True, failed=Failed(Kind.LIVENESS, "no", None))
UNSTARTED = Verdict(started=False, ready=False, failed=Failed(Kind.STARTUP, "no", 7))


@dataclass(frozen=True)
class Case:
    pod: Pod
    view: PodView
    # sandbox: make one; kill: all of it; what is started, and what is stopped, by name.
    sandbox: bool = False
    kill: bool = False
    init: str = ""
    start: str = ""
    stop: str = ""
    attempt: int = 0
    known: Any = None


TWO = make_pod(container("a"), container("b"))
NEVER = make_pod(policy="Never")
ON_FAILURE = make_pod(container("a"), container("b"), policy="OnFailure")
INIT = make_pod(init=[container("i"), container("j")])
INIT_NEVER = make_pod(init=[container("i")], policy="Never")
SIDE = make_pod(init=[sidecar("s"), container("i")])
SIDE_PROBED = make_pod(init=[sidecar("s", startup_probe=PROBED), container("i")])
TWO_SIDES = make_pod(init=[sidecar("s"), sidecar("t")])
RULED = make_pod(container("a", restart_policy="Never", restart_policy_rules=restarting_on(42)), policy="Never")
GONE = (sandbox(ready=False),)

CASES = {
    "a new pod gets a sandbox and all containers": Case(TWO, view(sandboxes=()), sandbox=True, kill=True, start="a b"),
    "with init containers only the first one": Case(INIT, view(sandboxes=()), sandbox=True, kill=True, init="i"),
    "all runs": Case(TWO, view(runs("a"), runs("b"))),
    "one was not started yet": Case(TWO, view(runs("a")), start="b"),
    "a made one was not started": Case(TWO, view(runs("a"), made("b")), start="b"),
    "one ended": Case(TWO, view(runs("a"), exited("b")), start="b"),
    "one ended for good": Case(ON_FAILURE, view(runs("a"), exited("b"))),
    "one failed": Case(ON_FAILURE, view(runs("a"), exited("b", 3)), start="b"),
    "all ended for good": Case(ON_FAILURE, view(exited("a"), exited("b")), kill=True),
    "it failed and is not started again": Case(NEVER, view(exited("a", 3)), kill=True),
    "one of which nothing is known is stopped first": Case(TWO, view(lost("a"), runs("b")), start="a", stop="a"),
    "a rule starts it again": Case(RULED, view(exited("a", 42)), start="a"),
    "no rule matches": Case(RULED, view(exited("a", 43)), kill=True),
    "the policy of the container goes before": Case(
        make_pod(container("a"), container("b", restart_policy="OnFailure"), policy="Never"),
        view(runs("a"), exited("b", 1)),
        start="b",
    ),
    "its image is another one": Case(TWO, view(runs("a", hash="1"), runs("b")), start="a", stop="a"),
    "even where nothing is started again": Case(NEVER, view(runs("a", hash="1")), start="a", stop="a"),
    "one that an earlier agent made has no hash": Case(NEVER, view(runs("a", hash=""))),
    "liveness fails": Case(TWO, view(runs("a"), runs("b")), start="a", stop="a", known={"a": UNLIVE}),
    "liveness fails for good": Case(NEVER, view(runs("a")), kill=True, stop="a", known={"a": UNLIVE}),
    "startup fails": Case(TWO, view(runs("a"), runs("b")), start="b", stop="b", known={"b": UNSTARTED}),
    "the sandbox is gone": Case(
        TWO, view(exited("a", 137), exited("b", 137), sandboxes=GONE), sandbox=True, kill=True, start="a b", attempt=1
    ),
    "the sandbox is gone and there is nothing to start": Case(
        ON_FAILURE, view(exited("a"), exited("b"), sandboxes=GONE), kill=True, attempt=1
    ),
    "the sandbox is gone and one container failed": Case(
        ON_FAILURE, view(exited("a"), exited("b", 1), sandboxes=GONE), sandbox=True, kill=True, start="b", attempt=1
    ),
    "the sandbox is gone and nothing is started again": Case(
        NEVER, view(exited("a", 137), sandboxes=GONE), kill=True, attempt=1
    ),
    "the sandbox was gone before anything ran": Case(
        NEVER, view(sandboxes=GONE), sandbox=True, kill=True, start="a", attempt=1
    ),
    "the sandbox is gone and initialization begins anew": Case(
        INIT, view(exited("a", 137), exited("i"), sandboxes=GONE), sandbox=True, kill=True, init="i", attempt=1
    ),
    "two sandboxes are one too many": Case(
        make_pod(),
        view(runs("a"), sandboxes=(sandbox("s1", attempt=1), sandbox())),
        sandbox=True,
        kill=True,
        start="a",
        attempt=2,
    ),
    "a sandbox without an address": Case(
        make_pod(), view(sandboxes=(sandbox(ips=()),)), sandbox=True, kill=True, start="a", attempt=1
    ),
    "on the node's network it has none": Case(
        make_pod(host_network=True), view(runs("a"), sandboxes=(sandbox(ips=(), host_network=True),))
    ),
    "no init container has begun": Case(INIT, view(), init="i"),
    "the first one runs": Case(INIT, view(runs("i"))),
    "the first one is done": Case(INIT, view(exited("i")), init="j"),
    "the first one failed": Case(INIT, view(exited("i", 1)), init="i"),
    "the first one was made and not started": Case(INIT, view(made("i")), init="i"),
    "of the first one nothing is known": Case(INIT, view(lost("i")), init="i", stop="i"),
    "the first one failed for good": Case(INIT_NEVER, view(exited("i", 1)), kill=True),
    "nothing is known of one that is not started again": Case(INIT_NEVER, view(lost("i")), kill=True),
    "all are done": Case(INIT, view(exited("j"), exited("i")), start="a"),
    "those that are done were removed": Case(INIT, view(runs("a"))),
    "the last one says that those before went well": Case(INIT, view(exited("j")), start="a"),
    "an init container has a rule": Case(
        make_pod(
            init=[container("i", restart_policy="Never", restart_policy_rules=restarting_on(0, 1, operator="NotIn"))],
            policy="Never",
        ),
        view(exited("i", 2)),
        init="i",
    ),
    "a sidecar runs and the next one is started": Case(SIDE, view(runs("s")), init="i"),
    "a sidecar has to start first": Case(SIDE_PROBED, view(runs("s")), known={"s": STARTING}),
    "a sidecar of which probes say nothing yet": Case(SIDE_PROBED, view(runs("s"))),
    "a sidecar has started": Case(SIDE_PROBED, view(runs("s")), init="i", known={"s": STARTED}),
    "a sidecar fails to start": Case(SIDE_PROBED, view(runs("s")), init="s", stop="s", known={"s": UNSTARTED}),
    "a sidecar is up and the others may begin": Case(SIDE, view(exited("i"), runs("s")), start="a"),
    "the last of two sidecars lets the others begin": Case(TWO_SIDES, view(runs("t"), runs("s")), start="a"),
    "a sidecar ended during initialization": Case(SIDE, view(runs("i"), exited("s")), init="s"),
    "a sidecar ended later": Case(SIDE, view(runs("a"), exited("i"), exited("s")), init="s"),
    "a sidecar is not alive": Case(
        SIDE, view(runs("a"), exited("i"), runs("s")), init="s", stop="s", known={"s": UNLIVE}
    ),
    "a sidecar that was removed is started again": Case(SIDE, view(runs("a"), exited("i")), init="s"),
    "a sidecar's image is another one": Case(
        SIDE, view(runs("a"), exited("i"), runs("s", hash="1")), init="s", stop="s"
    ),
    "of a sidecar nothing is known": Case(SIDE, view(runs("a"), exited("i"), lost("s")), init="s", stop="s"),
    "sidecars do not keep a pod alive": Case(
        make_pod(init=[sidecar("s")], policy="Never"), view(exited("a"), runs("s")), kill=True
    ),
}


def names(actions: Actions) -> dict[str, Any]:
    return {
        "sandbox": actions.create_sandbox,
        "kill": actions.kill_pod,
        "init": " ".join(one.name for one in actions.init),
        "start": " ".join(one.name for one in actions.containers),
        "stop": " ".join(sorted(one.name for one in actions.to_kill.values())),
        "attempt": actions.attempt,
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_decided(case: Case) -> None:
    actions = compute_actions(case.pod, case.view, case.known or {})
    wanted = {
        "sandbox": case.sandbox,
        "kill": case.kill,
        "init": case.init,
        "start": case.start,
        "stop": case.stop,
        "attempt": case.attempt,
    }
    assert names(actions) == wanted


def test_an_ephemeral_container_is_started_once_also_in_a_pod_that_does_not_come_up() -> None:
    pod = make_pod(init=[container("i")], ephemeral_containers=[EphemeralContainer(name="e", image="image")])
    begun = compute_actions(pod, view(runs("i")), {})
    assert [one.name for one in begun.ephemeral] == ["e"]
    assert not compute_actions(pod, view(exited("e", 1), runs("i")), {})


@pytest.mark.parametrize(
    ("known", "message", "grace"),
    [
        (UNLIVE, "Container a failed liveness probe, will be restarted", None),
        (UNSTARTED, "Container a failed startup probe, will be restarted", 7),
    ],
)
def test_why_a_container_is_stopped(known: Verdict, message: str, grace: int | None) -> None:
    (kill,) = compute_actions(make_pod(), view(runs("a")), {"a": known}).to_kill.values()
    assert (kill.message, kill.grace, kill.restart) == (message, grace, True)
