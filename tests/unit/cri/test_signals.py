"""Signals by name."""

from __future__ import annotations

import signal

import pytest

from firkin.cri.api.container_pb2 import Signal
from firkin.cri.signals import cri_signal, stop_signal
from firkin.errors import ConfigError


@pytest.mark.parametrize("value", [value for value in Signal.values() if value])
def test_every_signal_of_the_interface_has_a_number(value: int) -> None:
    number = stop_signal(value, "")  # type: ignore[arg-type]
    assert 0 < number <= 64
    # Some have two names.
    assert stop_signal(cri_signal(number), "") == number


def test_a_signal_is_told_by_its_usual_name() -> None:
    assert cri_signal(signal.SIGCHLD) == Signal.SIGNAL_SIGCHLD
    assert cri_signal(signal.SIGTERM) == Signal.SIGNAL_SIGTERM
    assert cri_signal(32) == Signal.SIGNAL_RUNTIME_DEFAULT


@pytest.mark.parametrize(
    ("asked", "of_image", "number"),
    [
        (Signal.SIGNAL_RUNTIME_DEFAULT, "", signal.SIGTERM),
        (Signal.SIGNAL_RUNTIME_DEFAULT, "SIGQUIT", signal.SIGQUIT),
        (Signal.SIGNAL_RUNTIME_DEFAULT, "quit", signal.SIGQUIT),
        (Signal.SIGNAL_RUNTIME_DEFAULT, "3", 3),
        (Signal.SIGNAL_RUNTIME_DEFAULT, "SIGRTMIN+3", signal.SIGRTMIN + 3),
        (Signal.SIGNAL_RUNTIME_DEFAULT, "RTMAX-1", signal.SIGRTMAX - 1),
        (Signal.SIGNAL_SIGUSR1, "SIGQUIT", signal.SIGUSR1),
        (Signal.SIGNAL_SIGRTMINPLUS1, "", signal.SIGRTMIN + 1),
        (Signal.SIGNAL_SIGRTMAXMINUS14, "", signal.SIGRTMAX - 14),
        (Signal.SIGNAL_SIGRTMAX, "", signal.SIGRTMAX),
        (Signal.SIGNAL_SIGCLD, "", signal.SIGCHLD),
    ],
)
def test_the_request_counts_more_than_the_image(asked: Signal, of_image: str, number: int) -> None:
    assert stop_signal(asked, of_image) == number


@pytest.mark.parametrize("text", ["SIGNOTHING", "0", "65", "SIGRTMIN+99", "SIGRTMAX-99", "SIGRTMIN+x"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no signal"):
        stop_signal(Signal.SIGNAL_RUNTIME_DEFAULT, text)
