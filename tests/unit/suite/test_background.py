"""A process beside another: what it says waits, and what follows it starts at its end."""

from __future__ import annotations

import threading

import pytest

from tests.suite.background import Background
from tests.support.waiting import SECONDS


def test_the_output_waits_until_it_is_asked_for(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    background = Background(["sh", "-c", "echo said; echo complained >&2; exit 3"])
    ended = threading.Event()
    other = Background(["true"], ended.set)
    assert ended.wait(SECONDS)
    assert capfdbinary.readouterr().out == b""
    assert background.show() == 3
    assert capfdbinary.readouterr().out == b"said\ncomplained\n"
    assert background.seconds > 0
    background.close()
    other.close()


def test_what_follows_starts_at_the_end() -> None:
    ended = threading.Event()
    background = Background(["true"], ended.set)
    assert ended.wait(SECONDS)
    assert background.show() == 0


def test_nothing_follows_what_was_closed() -> None:
    ended = threading.Event()
    Background(["sleep", "1000"], ended.set).close()
    assert not ended.is_set()
