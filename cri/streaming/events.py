"""What the cores of remote commands and port-forwarding say has happened, whatever the transport is."""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["Event", "Gone", "Input", "InputEnd", "Opened", "Pending", "Ready", "Reset", "Resize", "Stream"]


class Stream(enum.IntEnum):
    """The streams of a remote command; the numbers are the channels of WebSocket (KEP-4006)."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4


class Ready(NamedTuple):
    """All streams of the command are there: it can begin."""


class Opened(NamedTuple):
    """The peer wants a connection to `port`; `stream` names it from now on."""

    stream: int
    port: int


class Pending(NamedTuple):
    """Half of the connection `stream` was asked for; the other half must come in time, or it expires."""

    stream: int


class Input(NamedTuple):
    """The peer sent `data`: on standard input, or on the connection `stream`."""

    stream: int
    data: bytes


class InputEnd(NamedTuple):
    """The peer sends no more on `stream`."""

    stream: int


class Reset(NamedTuple):
    """The peer neither sends nor reads on `stream` any more."""

    stream: int


class Resize(NamedTuple):
    """The peer's terminal has another size now, in characters."""

    width: int
    height: int


class Gone(NamedTuple):
    """The peer takes its leave; nothing that is sent now will be read."""


Event = Ready | Opened | Pending | Input | InputEnd | Reset | Resize | Gone
