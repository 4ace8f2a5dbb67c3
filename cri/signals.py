"""Signals by the names that CRI and images have for them."""

from __future__ import annotations

import signal
from typing import cast

from firkin.cri.api.container_pb2 import Signal
from firkin.errors import ConfigError

__all__ = ["cri_signal", "stop_signal"]

_NAMES = {**signal.Signals.__members__, "SIGCLD": signal.SIGCHLD, "SIGIOT": signal.SIGABRT, "SIGPOLL": signal.SIGIO}
_LARGEST = 64


def stop_signal(asked: Signal, of_image: str) -> int:
    """The number of the signal that asks a container to end: the request's, else the image's, else SIGTERM.

    Raises ConfigError for what is no signal.
    """
    if asked != Signal.SIGNAL_RUNTIME_DEFAULT:
        return _number(Signal.Name(asked).removeprefix("SIGNAL_"), "config.stop_signal")
    return _number(of_image, "the image's StopSignal") if of_image else signal.SIGTERM


def cri_signal(number: int) -> Signal:
    """What CRI calls the signal with this number; SIGNAL_RUNTIME_DEFAULT for what it has no name for."""
    return _BY_NUMBER.get(number, Signal.SIGNAL_RUNTIME_DEFAULT)


def _signals() -> list[Signal]:
    return [cast("Signal", value) for value in Signal.values() if value != Signal.SIGNAL_RUNTIME_DEFAULT]


def _number(text: str, place: str) -> int:
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    found = int(text) if text.isascii() and text.isdecimal() else int(_NAMES.get(name, 0)) or _real_time(name)
    if not 0 < found <= _LARGEST:
        raise ConfigError(place, f"{text!r} is no signal", document="CreateContainerRequest")
    return found


def _real_time(name: str) -> int:
    # SIGRTMINPLUS1 is CRI's spelling, SIGRTMIN+1 everybody's; SIGRTMAXMINUS1 alike.
    plain = name.replace("PLUS", "+").replace("MINUS", "-")
    for base, sign, first in (("SIGRTMIN", "+", signal.SIGRTMIN), ("SIGRTMAX", "-", signal.SIGRTMAX)):
        rest = plain.removeprefix(f"{base}{sign}")
        if plain.startswith(f"{base}{sign}") and rest.isascii() and rest.isdecimal():
            found = first + int(f"{sign}{rest}")
            return found if signal.SIGRTMIN <= found <= signal.SIGRTMAX else 0
    return 0


# The first of several names for one signal is the usual one.
_BY_NUMBER = {stop_signal(value, ""): value for value in reversed(_signals())}
