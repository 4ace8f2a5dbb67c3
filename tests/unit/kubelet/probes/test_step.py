"""What answers of a probe add up to."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.probe import Probe
from firkin.kubelet.probes.step import Kind, Outcome, State, begin, step

PROBE = Probe(success_threshold=2, failure_threshold=3)
ONE = Probe(success_threshold=1, failure_threshold=1)
ANSWERS = {"+": Outcome.SUCCESS, "-": Outcome.FAILURE, "?": Outcome.UNKNOWN}
VERDICTS = {True: "+", False: "-", None: "?"}


def run(state: State, answers: str) -> tuple[str, State]:
    """The verdicts after each answer, a letter each; + yes, - no, ? none."""
    verdicts = ""
    for answer in answers:
        state = step(state, ANSWERS[answer])
        verdicts += VERDICTS[state.verdict]
    return verdicts, state


@pytest.mark.parametrize(
    ("kind", "probe", "answers", "verdicts", "is_over"),
    [
        (Kind.READINESS, PROBE, "++", "-+", False),
        (Kind.READINESS, PROBE, "+-++", "---+", False),
        (Kind.READINESS, PROBE, "++--+---++", "-++++++--+", False),
        (Kind.READINESS, PROBE, "++-?-?-", "-+++++-", False),
        (Kind.READINESS, ONE, "+-+", "+-+", False),
        (Kind.LIVENESS, PROBE, "--+--", "+++++", False),
        (Kind.LIVENESS, PROBE, "---", "++-", True),
        (Kind.LIVENESS, PROBE, "---++++", "++-----", True),
        (Kind.LIVENESS, PROBE, "????", "++++", False),
        (Kind.STARTUP, PROBE, "--+", "???", False),
        (Kind.STARTUP, PROBE, "--++", "???+", True),
        (Kind.STARTUP, PROBE, "---", "??-", True),
        (Kind.STARTUP, ONE, "+---", "++++", True),
        (Kind.STARTUP, PROBE, "?-?-?-", "?????-", True),
    ],
)  # fmt: skip
def test_answers(kind: Kind, probe: Probe, answers: str, verdicts: str, is_over: bool) -> None:
    found, state = run(begin(kind, probe), answers)
    assert (found, state.is_over) == (verdicts, is_over)


@pytest.mark.parametrize(
    ("kind", "known", "verdict", "is_over"),
    [
        (Kind.READINESS, None, False, False),
        (Kind.READINESS, True, True, False),
        (Kind.STARTUP, None, None, False),
        (Kind.STARTUP, True, True, True),
        (Kind.LIVENESS, None, True, False),
    ],
)
def test_what_is_held_before_the_first_answer(
    kind: Kind, known: bool | None, verdict: bool | None, is_over: bool
) -> None:
    state = begin(kind, PROBE, known)
    assert (state.verdict, state.is_over) == (verdict, is_over)


def test_a_container_that_was_ready_before_is_so_until_the_threshold() -> None:
    assert run(begin(Kind.READINESS, PROBE, True), "--+---")[0] == "+++++-"
