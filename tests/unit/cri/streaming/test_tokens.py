"""Tokens, and the requests that they stand for."""

from __future__ import annotations

import pytest

from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.forward_websocket import MOST_PORTS
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.request import AttachRequest, ExecRequest, ForwardRequest
from firkin.cri.streaming.tokens import Tokens
from firkin.errors import ConfigError, ResourceExhaustedError

FIRST, SECOND = ForwardRequest("first"), ForwardRequest("second")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_can_be_used_once() -> None:
    tokens = Tokens(Limits(), Clock())
    first, second = tokens.issue(FIRST), tokens.issue(SECOND)
    assert first != second and len(first) >= 22
    assert tokens.redeem(second) is SECOND
    assert tokens.redeem(second) is None
    assert tokens.redeem("unknown") is None
    assert tokens.redeem(first) is FIRST


def test_a_token_does_not_live_long() -> None:
    clock = Clock()
    tokens = Tokens(Limits(token_life=60), clock)
    old = tokens.issue(FIRST)
    clock.now = 30
    young = tokens.issue(SECOND)
    clock.now = 59.9
    assert tokens.issue(FIRST)
    clock.now = 60
    assert tokens.redeem(old) is None
    assert tokens.redeem(young) is SECOND


def test_tokens_have_a_greatest_number() -> None:
    clock = Clock()
    tokens = Tokens(Limits(tokens=3, token_life=60), clock)
    issued = [tokens.issue(FIRST) for _ in range(3)]
    with pytest.raises(ResourceExhaustedError, match=r"3 requests wait .*expires after 60 s"):
        tokens.issue(FIRST)
    tokens.redeem(issued[1])
    tokens.issue(FIRST)
    clock.now = 60
    assert [tokens.issue(FIRST) for _ in range(3)]


ALL = Wanted(stdin=True, stdout=True, stderr=True, tty=False)
NONE = Wanted(stdin=False, stdout=False, stderr=False, tty=True)
ERROR_OF_TERMINAL = Wanted(stdin=False, stdout=False, stderr=True, tty=True)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (ExecRequest("", ("ls",), ALL), "container_id"),
        (ExecRequest("c", (), ALL), "cmd"),
        (ExecRequest("c", ("ls",), NONE), "none of"),
        (ExecRequest("c", ("ls",), ERROR_OF_TERMINAL), "stderr"),
        (AttachRequest("", ALL), "container_id"),
        (AttachRequest("c", NONE), "none of"),
        (AttachRequest("c", ERROR_OF_TERMINAL), "stderr"),
        (ForwardRequest(""), "pod_sandbox_id"),
        (ForwardRequest("s", (80, 0)), r"port\[1\]"),
        (ForwardRequest("s", (65536,)), r"port\[0\]"),
        (ForwardRequest("s", (80,) * (MOST_PORTS + 1)), "more than 39 ports"),
    ],
)
def test_a_request_that_can_not_be_met_names_its_field(
    request_: ExecRequest | AttachRequest | ForwardRequest, path: str
) -> None:
    with pytest.raises(ConfigError, match=path):
        request_.check()


def test_requests_that_can_be_met() -> None:
    ExecRequest("c", ("ls",), ALL).check()
    AttachRequest("c", Wanted(stdin=True, stdout=True, stderr=False, tty=True)).check()
    ForwardRequest("s", (80,) * MOST_PORTS).check()
