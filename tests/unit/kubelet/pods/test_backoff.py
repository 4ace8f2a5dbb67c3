"""Waiting longer each time, and from the beginning when it went well for long."""

from __future__ import annotations

import pytest

from firkin.kubelet.pods.backoff import Backoff, duration_text


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_the_most_and_begin_anew_after_twice_that() -> None:
    clock = Clock()
    backoff = Backoff(10, 300, clock, clock)
    delays = []
    for _ in range(8):
        delays.append(backoff.left("a", clock.now))
        clock.now += delays[-1]
        backoff.next("a", clock.now)
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300]
    clock.now += 600
    assert backoff.left("a", clock.now) == 300
    clock.now += 1
    assert backoff.left("a", clock.now) == 0
    backoff.next("a", clock.now)
    assert backoff.delay("a") == 10


def test_the_delay_counts_from_the_event() -> None:
    clock = Clock()
    backoff = Backoff(10, 300, clock, clock)
    backoff.next("a", clock.now)
    assert backoff.left("a", clock.now - 4) == 6
    assert backoff.left("b", clock.now) == 0


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_delay() -> None:
    clock, steady = Clock(), Clock()
    backoff = Backoff(10, 300, clock, steady)
    backoff.next("a", clock.now)
    clock.now -= 900
    lefts = []
    for _ in range(3):
        lefts.append(backoff.left("a", 1000.0))
        clock.now += 5
        steady.now += 5
    assert lefts == [10, 5, 0]


def test_a_clock_that_is_set_back_while_somebody_waits_does_not_begin_the_delay_anew() -> None:
    clock, steady = Clock(), Clock()
    backoff = Backoff(10, 300, clock, steady)
    backoff.next("a", clock.now)
    assert backoff.left("a", 1000.0) == 10
    clock.now, steady.now = 4.0, 1004.0
    assert backoff.left("a", 1000.0) == 6
    # The next event is another one, even if it is earlier.
    assert backoff.left("a", 4.0) == 10


def test_after_a_restart_of_the_agent_the_delay_is_as_long_as_it_was() -> None:
    clock = Clock()
    backoff = Backoff(10, 300, clock, clock)
    for tries, delay in ((0, 0), (1, 10), (3, 40), (50, 300)):
        backoff.resume(tries, tries)
        assert backoff.delay(tries) == delay
    backoff.resume(1, 9)
    assert backoff.delay(1) == 10


def test_what_is_forgotten_begins_anew() -> None:
    backoff = Backoff(10, 300, Clock())
    backoff.next(("u", 1), 0)
    backoff.next(("v", 1), 0)
    backoff.forget(lambda key: key == ("u", 1))
    assert (backoff.delay(("u", 1)), backoff.delay(("v", 1))) == (0, 10)


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (80, "1m20s"), (300, "5m0s"), (3600, "1h0m0s")])
def test_times_are_written_as_in_messages_of_kubernetes(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
