"""Whatever a peer sends: nothing but the protocol's own error comes of it, and little is kept.

As a program, with a number of seconds, it goes on with random bytes for that long.
"""

from __future__ import annotations

import random
import sys
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from firkin.cri.streaming.channels import Channels
from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.command_spdy import SpdyCommand
from firkin.cri.streaming.command_websocket import WebsocketCommand
from firkin.cri.streaming.forward_spdy import SpdyForward
from firkin.cri.streaming.forward_websocket import ChannelForward, TunnelledForward
from firkin.cri.streaming.head import HeadReader
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.negotiate import COMMAND, FORWARD, RefusedError, negotiate
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.dictionary import DICTIONARY
from firkin.cri.streaming.spdy.frames import Kind, control_bytes, data_bytes
from firkin.cri.streaming.spdy.session import Session

ALL = Wanted(stdin=True, stdout=True, stderr=True, tty=False)
TERMINAL = Wanted(stdin=True, stdout=True, stderr=False, tty=True)
LIMITS = Limits(head=2000, fields=20, control=500, inflated=500, streams=10, message=1000)
Receive = Callable[[bytes], object]


def head() -> Receive:
    reader = HeadReader(LIMITS)

    def receive(data: bytes) -> None:
        if (found := reader.receive(data)) is not None:
            for offer in (COMMAND, FORWARD):
                try:
                    negotiate(found[0], offer)
                except RefusedError as error:
                    assert error.response.startswith(b"HTTP/1.1 4")

    return receive


CORES: dict[str, Callable[[], Receive]] = {
    "head": head,
    "spdy client": lambda: Session(LIMITS, client=True).receive,
    "spdy v1": lambda: SpdyCommand("channel.k8s.io", ALL, LIMITS).receive,
    "spdy v4": lambda: SpdyCommand("v4.channel.k8s.io", TERMINAL, LIMITS).receive,
    "spdy forward": lambda: SpdyForward(LIMITS).receive,
    "channels": lambda: Channels("v5.channel.k8s.io", LIMITS).receive,
    "websocket v5": lambda: WebsocketCommand("v5.channel.k8s.io", TERMINAL, LIMITS).receive,
    "websocket base64": lambda: WebsocketCommand("v4.base64.channel.k8s.io", ALL, LIMITS).receive,
    "channel forward": lambda: ChannelForward("v4.channel.k8s.io", (80, 81), LIMITS).receive,
    "tunnel": lambda: TunnelledForward(LIMITS).receive,
}


def feed(make: Callable[[], Receive], pieces: list[bytes]) -> None:
    receive = make()
    for piece in pieces:
        try:
            receive(piece)
        except PeerError as error:
            # One line for the log.
            assert "\n" not in str(error) and len(str(error)) < 500
            break


# What begins well gets further than noise does.
fields = st.dictionaries(
    st.sampled_from([b"streamtype", b"port", b"requestid", b"", b"Upper", b"x"]),
    st.sampled_from([b"error", b"data", b"stdin", b"stdout", b"stderr", b"resize", b"80", b"0", b"", b"\xff" * 600]),
    max_size=4,
)


def block(pairs: dict[bytes, bytes]) -> bytes:
    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    return len(pairs).to_bytes(4, "big") + b"".join(sized(name) + sized(value) for name, value in pairs.items())


@st.composite
def sessions(draw: st.DrawFn) -> bytes:
    """Frames in a shared compression, most of which are whole."""
    compression = zlib.compressobj(zdict=DICTIONARY)
    data = b""
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([*Kind, 10, "data"]))
        stream = draw(st.sampled_from([1, 3, 5, 2, 0, 0xFFFFFFFF, 7, 9, 11])).to_bytes(4, "big")
        fin = draw(st.booleans())
        if kind == "data":
            data += data_bytes(int.from_bytes(stream, "big") & 0x7FFFFFFF, draw(st.binary(max_size=40)), fin=fin)
        elif kind in (Kind.SYN_STREAM, Kind.SYN_REPLY, Kind.HEADERS):
            packed = compression.compress(block(draw(fields))) + compression.flush(zlib.Z_SYNC_FLUSH)
            rest = b"\0" * 6 if kind is Kind.SYN_STREAM else b""
            data += control_bytes(Kind(kind), stream + rest + packed, fin=fin)
        else:
            data += control_bytes(kind, draw(st.sampled_from([stream, stream * 2, b"", stream * 3])))
    return data


@st.composite
def websockets(draw: st.DrawFn) -> bytes:
    """Frames of WebSocket, masked as those of clients are."""
    client = ClientProtocol(parse_uri("ws://h/"), state=OPEN)
    for _ in range(draw(st.integers(1, 8))):
        content = draw(
            st.binary(max_size=30) | sessions() | st.sampled_from([b"\xff\0", b"\xff", b"4{}", b'\x04{"Width":1}'])
        )
        send = draw(st.sampled_from([client.send_binary, client.send_text, client.send_ping, client.send_pong]))
        send(content[:125] if send in (client.send_ping, client.send_pong) else content)
    return b"".join(client.data_to_send())


LINES = [
    b"Host: h", b"Connection: Upgrade", b"Upgrade: SPDY/3.1", b"Upgrade: websocket", b"Origin: null",
    b"X-Stream-Protocol-Version: v4.channel.k8s.io", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Protocol: v5.channel.k8s.io", b"Content-Length: 0",
    b"Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io", b"Sec-WebSocket-Extensions: permessage-deflate",
]  # fmt: skip


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Requests, most of which are for an upgrade."""
    lines = draw(st.lists(st.sampled_from(LINES) | st.binary(max_size=30), max_size=12))
    return b"\r\n".join([b"GET /exec/x HTTP/1.1", b"Host: h", *lines, b"", b""])


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """What a peer sends, changed a little, and cut somewhere."""
    data = bytearray(draw(sessions() | websockets() | heads() | st.binary(max_size=200)))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    return [bytes(data[start:end]) for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.parametrize("core", CORES)
@settings(max_examples=80)
@given(data=pieces())
def test_nothing_but_the_protocols_error_comes_of_it(core: str, data: list[bytes]) -> None:
    feed(CORES[core], data)


@settings(max_examples=80)
@given(data=sessions())
def test_sessions_are_read_alike_in_pieces(data: bytes) -> None:
    def events(size: int) -> list[object]:
        found: list[object] = []
        session = Session(LIMITS)
        try:
            for start in range(0, len(data), size):
                found += session.receive(data[start : start + size])
        except PeerError as error:
            found.append(str(error))
        return [event for event in found if "Received" not in repr(event)] + session.take_output()

    whole, bytewise = events(len(data)), events(1)
    # Of what was read together with a fault, only the fault is told.
    assert bytewise[-len(whole) :] == whole


def fuzz(seconds: float) -> int:
    """Feed random bytes for so long; returns how often."""
    rng, count, end = random.Random(), 0, time.monotonic() + seconds
    starts = [b"", b"\x80\x03\0\x01", b"\x82\xfe", b"\x82\x85\0\0\0\0", b"GET / HTTP/1.1\r\nHost: h\r\n", b"\0\0\0\x01"]
    while time.monotonic() < end:
        name = rng.choice(list(CORES))
        feed(CORES[name], [rng.choice(starts) + rng.randbytes(rng.randrange(200)) for _ in range(rng.randrange(1, 5))])
        count += 1
    return count


if __name__ == "__main__":
    print(fuzz(float(sys.argv[1])), "inputs, of which nothing came that should not")
