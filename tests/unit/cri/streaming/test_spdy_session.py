"""Sessions of SPDY, two of them back to back."""

from __future__ import annotations

import struct

import pytest

from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy import frames
from firkin.cri.streaming.spdy.frames import Frame, GoAway, Kind, Ping, ResetStatus, RstStream, control_bytes
from firkin.cri.streaming.spdy.reader import FrameReader
from firkin.cri.streaming.spdy.session import Ended, Event, Left, Received, Replied, Session, StreamOpened, StreamReset

LIMITS = Limits(streams=3)


class Pair:
    """A client and a server, whose bytes go to each other when they are asked to be moved."""

    def __init__(self) -> None:
        self.client, self.server = Session(LIMITS, client=True), Session(LIMITS)

    def to_server(self) -> list[Event]:
        return self.server.receive(b"".join(self.client.take_output()))

    def to_client(self) -> list[Event]:
        return self.client.receive(b"".join(self.server.take_output()))

    def open(self) -> int:
        stream = self.client.open({"streamtype": "data"})
        assert self.to_server() == [StreamOpened(stream, {"streamtype": "data"})]
        self.server.reply(stream)
        assert self.to_client() == [Replied(stream)]
        return stream


def output(session: Session) -> list[Frame]:
    return list(FrameReader(LIMITS).receive(b"".join(session.take_output())))


def syn_stream(stream: int) -> bytes:
    """One whose fields are the first of a session."""
    client = Session(LIMITS, client=True)
    client.open({})
    data = b"".join(client.take_output())
    return data[:8] + struct.pack(">I", stream) + data[12:]


def test_streams_are_opened_one_after_the_other() -> None:
    pair = Pair()
    assert [pair.open() for _ in range(3)] == [1, 3, 5]


def test_both_ends_send_and_end_by_themselves() -> None:
    pair = Pair()
    stream = pair.open()
    pair.client.send(stream, b"question")
    pair.client.end(stream)
    assert pair.to_server() == [Received(stream, b"question"), Ended(stream)]
    assert not pair.client.is_open(stream) and pair.server.is_open(stream)
    pair.server.send(stream, b"answer")
    pair.server.end(stream)
    assert pair.to_client() == [Received(stream, b"answer"), Ended(stream)]
    assert not pair.server.is_open(stream)


def test_after_its_end_nothing_is_sent() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.end(stream)
    pair.server.end(stream)
    pair.server.send(stream, b"late")
    assert pair.to_client() == [Ended(stream)]
    pair.server.send(99, b"nowhere")
    pair.server.end(99)
    pair.server.reset(99)
    assert pair.server.take_output() == []


def test_a_reset_ends_both_directions() -> None:
    pair = Pair()
    stream = pair.open()
    pair.client.send(stream, b"on its way")
    pair.server.reset(stream)
    assert pair.to_client() == [StreamReset(stream, ResetStatus.CANCEL)]
    assert pair.to_server() == []
    assert not pair.client.is_open(stream) and not pair.server.is_open(stream)


def test_data_that_does_not_fit_a_frame_is_split() -> None:
    pair = Pair()
    stream = pair.open()
    data = bytes(frames.MOST_DATA) + b"rest"
    pair.server.send(stream, data)
    received = pair.to_client()
    assert b"".join(event.data for event in received if isinstance(event, Received)) == data


def test_streams_have_a_greatest_number() -> None:
    pair = Pair()
    opened = [pair.open() for _ in range(LIMITS.streams)]
    one_more = pair.client.open({"streamtype": "data"})
    assert pair.to_server() == []
    assert pair.to_client() == [StreamReset(one_more, ResetStatus.REFUSED_STREAM)]
    pair.server.reset(opened[0])
    pair.to_client()
    # Its fields were read all the same: the compression is in step.
    assert pair.open() == one_more + 2


@pytest.mark.parametrize("number", [2, 4])
def test_a_stream_with_a_number_of_the_server_is_refused(number: int) -> None:
    session = Session(LIMITS)
    with pytest.raises(PeerError, match="wrong end"):
        session.receive(syn_stream(number))
    assert output(session) == [GoAway(0, frames.GoAwayStatus.PROTOCOL_ERROR)]


def test_a_number_is_used_once() -> None:
    pair = Pair()
    pair.open()
    pair.client._next = 1
    pair.client.open({})
    with pytest.raises(PeerError, match="after stream 1"):
        pair.to_server()


def test_pings_of_the_peer_are_answered_and_own_ones_are_not() -> None:
    pair = Pair()
    pair.client.ping(1)
    assert pair.to_server() == []
    answer = pair.server.take_output()
    assert list(FrameReader(LIMITS).receive(answer[0])) == [Ping(1)]
    assert pair.client.receive(answer[0]) == []
    assert pair.client.take_output() == []


def test_who_leaves_says_so_once_and_takes_no_new_streams() -> None:
    pair = Pair()
    stream = pair.open()
    pair.server.leave()
    pair.server.leave()
    pair.client.open({})
    assert pair.to_client() == [Left(0)]
    assert pair.to_server() == []
    pair.server.send(stream, b"still")
    assert pair.to_client() == [Received(stream, b"still")]
    pair.client.leave()
    assert pair.client.take_output() == []


def test_what_the_client_of_go_does_not_know_is_not_sent() -> None:
    pair = Pair()
    stream = pair.open()
    pair.client.send(stream, bytes(1 << 20))
    pair.to_server()
    assert pair.server.take_output() == []


def test_frames_for_streams_that_are_gone_are_passed_over() -> None:
    session = Session(LIMITS)
    reset = control_bytes(Kind.RST_STREAM, struct.pack(">II", 9, 5))
    assert session.receive(frames.data_bytes(9, b"late", fin=True) + reset) == []
    assert session.take_output() == []


def test_a_fault_of_the_peer_is_answered_with_farewell() -> None:
    session = Session(LIMITS)
    session.receive(syn_stream(7))
    with pytest.raises(PeerError):
        session.receive(control_bytes(Kind.PING, b""))
    assert output(session) == [GoAway(7, frames.GoAwayStatus.PROTOCOL_ERROR)]


def test_a_stream_can_end_with_its_opening() -> None:
    session = Session(LIMITS)
    data = bytearray(syn_stream(1))
    data[4] = frames.FIN
    assert session.receive(bytes(data)) == [StreamOpened(1, {}), Ended(1)]
    session.reset(1)
    assert output(session) == [RstStream(1, ResetStatus.CANCEL)]
