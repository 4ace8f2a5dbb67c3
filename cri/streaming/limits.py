"""How much of a peer is taken in, and how long it is waited for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds of one server and of each connection to it; bytes, seconds, or numbers.

    Parameters: `head` and `fields` bound the head of a request, `control` a control frame of SPDY and `inflated` its
    decompressed fields; `streams` are those that a peer may have open at once, `message` bounds a message of WebSocket.

    Of input that the process has not taken yet, `held_high` is kept before the socket is read no more, and reading goes
    on at `held_low`; `unsent_high` and `unsent_low` are the same for output that the peer has not taken. A peer that
    provokes answers and does not read them is cut off at `unsent_most`.

    `wait_head` is how long the head may take, and a handshake of TLS; `wait_streams` how long the streams that belong
    together; `idle` how long nothing at all may be sent or received; `linger` how long a peer may take to read what was
    sent last.

    `tokens` are the requests that may wait for their client, each for `token_life`. `connections` are those that are
    served at once, and `strangers` those that have not shown a token, of which the oldest is cut off for a new one.
    """

    head: int = 64 << 10
    fields: int = 256
    control: int = 64 << 10
    inflated: int = 64 << 10
    streams: int = 2048
    message: int = 32 << 20
    held_high: int = 1 << 20
    held_low: int = 256 << 10
    unsent_high: int = 256 << 10
    unsent_low: int = 64 << 10
    unsent_most: int = 4 << 20
    wait_head: float = 30
    wait_streams: float = 30
    idle: float = 4 * 3600
    linger: float = 900
    tokens: int = 1000
    token_life: float = 60
    connections: int = 1000
    strangers: int = 256
