"""Messages of WebSocket, and channels within them."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from firkin.cri.streaming.channels import ChannelData, ChannelEnd, Channels
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.websocket import Message, Messages

LIMITS = Limits(message=100)
BINARY = "v4.channel.k8s.io"
BASE64 = "v4.base64.channel.k8s.io"
ENDS = "v5.channel.k8s.io"


class Client:
    """The library's own client, whose bytes go where they are asked to."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN)

    def says(self) -> bytes:
        return b"".join(self.protocol.data_to_send())

    def binary(self, data: bytes, *, fin: bool = True) -> bytes:
        self.protocol.send_binary(data, fin)
        return self.says()

    def text(self, data: bytes) -> bytes:
        self.protocol.send_text(data)
        return self.says()

    def hears(self, output: list[bytes]) -> list[Frame]:
        self.protocol.receive_data(b"".join(output))
        return [event for event in self.protocol.events_received() if isinstance(event, Frame)]


def farewell(client: Client, output: list[bytes]) -> Close:
    frame = client.hears(output)[-1]
    assert frame.opcode is Opcode.CLOSE
    return Close.parse(frame.data)


def test_messages_whole_in_bytes_and_with_more_behind() -> None:
    client, server = Client(), Messages(LIMITS)
    data = client.binary(b"one") + client.text("zwei ü".encode())
    expected = [Message(b"one"), Message("zwei ü".encode(), is_text=True)]
    assert server.receive(data) == expected
    client, server = Client(), Messages(LIMITS)
    data = client.binary(b"one") + client.text("zwei ü".encode())
    assert [message for index in range(len(data)) for message in server.receive(data[index : index + 1])] == expected
    behind = client.binary(b"three")
    assert server.receive(behind + behind[:3]) == [Message(b"three")]
    assert server.receive(behind[3:]) == [Message(b"three")]


def test_fragments_are_one_message() -> None:
    client, server = Client(), Messages(LIMITS)
    assert server.receive(client.binary(b"on", fin=False)) == []
    client.protocol.send_ping(b"between")
    assert server.receive(client.says()) == []
    assert client.hears(server.take_output())[0].opcode is Opcode.PONG
    client.protocol.send_continuation(b"e", fin=True)
    assert server.receive(client.says()) == [Message(b"one")]


def test_a_message_has_a_greatest_length() -> None:
    client, server = Client(), Messages(LIMITS)
    assert server.receive(client.binary(bytes(LIMITS.message))) == [Message(bytes(LIMITS.message))]
    # What says that it is too long is not waited for.
    with pytest.raises(PeerError, match="too big"):
        server.receive(client.binary(bytes(LIMITS.message + 1))[:14])
    assert farewell(client, server.take_output()).code == CloseCode.MESSAGE_TOO_BIG


def test_fragments_together_have_the_same_length() -> None:
    client, server = Client(), Messages(LIMITS)
    server.receive(client.binary(bytes(60), fin=False))
    client.protocol.send_continuation(bytes(60), fin=True)
    with pytest.raises(PeerError, match="too big"):
        server.receive(client.says())


def test_fragments_take_no_more_than_the_message() -> None:
    message = 1 << 17
    client, server = Client(), Messages(Limits(message=message))
    client.binary(b"", fin=False)
    client.protocol.send_continuation(b"ab", fin=False)
    fragment = client.says()
    server.receive(Client().binary(b"", fin=False))
    tracemalloc.start()
    for _ in range(message // 2):
        server.receive(fragment)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * message


@pytest.mark.parametrize(
    "data", [b"\x82\x01a", b"\xf2\x80\0\0\0\0", b"\x83\x80\0\0\0\0", b"\x80\x80\0\0\0\0", b"GET /"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    server = Messages(LIMITS)
    with pytest.raises(PeerError):
        server.receive(data)
    assert farewell(Client(), server.take_output()).code == CloseCode.PROTOCOL_ERROR
    assert server.is_over


def test_who_closes_first_is_answered() -> None:
    client, server = Client(), Messages(LIMITS)
    client.protocol.send_close(CloseCode.NORMAL_CLOSURE, "enough")
    assert server.receive(client.says()) == []
    assert server.is_over
    assert farewell(client, server.take_output()).reason == "enough"


def test_behind_the_farewell_nothing_is_sent_and_pings_are_answered() -> None:
    client, server = Client(), Messages(LIMITS)
    server.close(CloseCode.GOING_AWAY, "ü" * 100)
    server.close()
    server.send(Message(b"late"))
    client.protocol.send_ping(b"")
    server.receive(client.says() + client.binary(b"more"))
    close, pong = server.take_output()
    assert farewell(Client(), [close]).reason == "ü" * 60 and pong == b"\x8a\x00"
    assert not server.is_over
    client.protocol.receive_data(b"\x88\x00")
    server.receive(client.says())
    assert server.is_over


@pytest.mark.parametrize(
    ("protocol", "sent", "received"),
    [
        (BINARY, b"\x00abc", ChannelData(0, b"abc")),
        (BINARY, b"\x04", ChannelData(4, b"")),
        (BINARY, b"\xff\x00", ChannelData(255, b"\x00")),
        (ENDS, b"\xff\x00", ChannelEnd(0)),
        (ENDS, b"\x00\xff", ChannelData(0, b"\xff")),
        (BASE64, b"0" + base64.b64encode(b"a\0\xff"), ChannelData(0, b"a\0\xff")),
        (BASE64, b":", ChannelData(10, b"")),
    ],
)
def test_what_comes_on_a_channel(protocol: str, sent: bytes, received: ChannelData | ChannelEnd) -> None:
    for send in (Client().binary, Client().text) if sent.isascii() else (Client().binary,):
        assert Channels(protocol, LIMITS).receive(send(sent)) == [received]


def test_an_empty_message_is_passed_over() -> None:
    assert Channels(BINARY, LIMITS).receive(Client().binary(b"")) == []


@pytest.mark.parametrize(
    ("protocol", "sent", "reason"),
    [
        (ENDS, b"\xff", "without its number"),
        (ENDS, b"\xff\x00\x00", "without its number"),
        (BASE64, b"0abc", "not base64"),
        (BASE64, b"0YQ==\n", "not base64"),
        (BASE64, b"0YQ", "not base64"),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(protocol: str, sent: bytes, reason: str) -> None:
    client, server = Client(), Channels(protocol, LIMITS)
    with pytest.raises(PeerError, match=reason):
        server.receive(client.binary(sent))
    assert reason in farewell(client, server.take_output()).reason


def test_what_goes_on_a_channel() -> None:
    for protocol, opcode, data in ((BINARY, Opcode.BINARY, b"\x01ab"), (BASE64, Opcode.TEXT, b"1YWI=")):
        server = Channels(protocol, LIMITS)
        server.send(1, b"ab")
        (frame,) = Client().hears(server.take_output())
        assert (frame.opcode, frame.data) == (opcode, data)
