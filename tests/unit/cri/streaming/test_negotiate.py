"""From requests to protocols."""

from __future__ import annotations

import pytest

from firkin.cri.streaming.head import HeadReader, Request
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.negotiate import COMMAND, FORWARD, Accepted, Offer, RefusedError, Transport, negotiate

SPDY = ("Connection: Upgrade", "Upgrade: SPDY/3.1")
WEBSOCKET = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


def request(*fields: str, method: str = "GET") -> Request:
    head = "\r\n".join([f"{method} /exec/t HTTP/1.1", "Host: h", *fields, "", ""])
    found = HeadReader(Limits()).receive(head.encode())
    assert found is not None
    return found[0]


def refused(asked: Request, offer: Offer) -> str:
    with pytest.raises(RefusedError) as caught:
        negotiate(asked, offer)
    return caught.value.response.decode()


@pytest.mark.parametrize("version", ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"])
def test_spdy_gets_the_first_protocol_of_the_client_that_is_spoken(version: str) -> None:
    asked = request(*SPDY, "X-Stream-Protocol-Version: v5.channel.k8s.io", f"X-Stream-Protocol-Version: {version}, x")
    accepted = negotiate(asked, COMMAND)
    assert (accepted.transport, accepted.protocol) == (Transport.SPDY, version)
    assert accepted.head.decode().split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        f"X-Stream-Protocol-Version: {version}",
        "",
        "",
    ]


@pytest.mark.parametrize("field", [(), ("X-Stream-Protocol-Version:",), ("X-Stream-Protocol-Version: , ,",)])
def test_spdy_without_a_protocol_is_refused(field: tuple[str, ...]) -> None:
    assert refused(request(*SPDY, *field), COMMAND).startswith("HTTP/1.1 400 Bad Request\r\n")


def test_spdy_with_unknown_protocols_is_told_what_is_spoken() -> None:
    response = refused(request(*SPDY, "X-Stream-Protocol-Version: v5.channel.k8s.io"), COMMAND)
    assert response.startswith("HTTP/1.1 403 Forbidden\r\n")
    names = [line.partition(": ")[2] for line in response.split("\r\n") if line.startswith("X-Accepted")]
    assert names == ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"]
    response = refused(request(*SPDY, "X-Stream-Protocol-Version: v4.channel.k8s.io"), FORWARD)
    assert "X-Accepted-Stream-Protocol-Versions: portforward.k8s.io\r\n" in response


@pytest.mark.parametrize("fields", [(), ("Connection: Upgrade", "Upgrade: SPDY/3"), ("Upgrade: SPDY/3.1",)])
def test_who_asks_for_no_upgrade_is_refused(fields: tuple[str, ...]) -> None:
    response = refused(request(*fields, "X-Stream-Protocol-Version: v4.channel.k8s.io"), COMMAND)
    head, _, body = response.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 400 Bad Request\r\n") and "Connection: close" in head
    assert f"Content-Length: {len(body)}" in head and "neither SPDY/3.1 nor websocket" in body


def websocket(*protocols: str, offer: Offer = COMMAND) -> Accepted:
    return negotiate(request(*WEBSOCKET, *(f"Sec-WebSocket-Protocol: {name}" for name in protocols)), offer)


@pytest.mark.parametrize("name", COMMAND.websocket)
def test_websocket_gets_its_protocol(name: str) -> None:
    accepted = websocket("unknown", f"{name}, v4.channel.k8s.io")
    assert (accepted.transport, accepted.protocol) == (Transport.WEBSOCKET, name)
    lines = accepted.head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert f"Sec-WebSocket-Protocol: {name}" in lines
    # RFC 6455, section 1.3
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines


def test_websocket_without_a_protocol_gets_the_first_one_and_is_not_told_of_it() -> None:
    accepted = websocket()
    assert accepted.protocol == "channel.k8s.io"
    assert b"Sec-WebSocket-Protocol" not in accepted.head


def test_port_forwarding_over_websocket_is_channels_or_a_tunnel() -> None:
    assert websocket("v4.channel.k8s.io", offer=FORWARD).transport is Transport.WEBSOCKET
    assert websocket("SPDY/3.1+portforward.k8s.io", offer=FORWARD).transport is Transport.TUNNEL
    asked = request(*WEBSOCKET, "Sec-WebSocket-Protocol: v5.channel.k8s.io")
    assert refused(asked, FORWARD).startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("changes", "method", "status"),
    [
        (("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",), "GET", 403),
        ((), "POST", 405),
        (("Sec-WebSocket-Version: 8",), "GET", 400),
        (("Sec-WebSocket-Key: short",), "GET", 400),
        (("Sec-WebSocket-Key:",), "GET", 400),
    ],
)
def test_what_is_no_handshake_is_refused(changes: tuple[str, ...], method: str, status: int) -> None:
    names = {change.partition(":")[0] for change in changes}
    fields = [field for field in WEBSOCKET if field.partition(":")[0] not in names]
    assert refused(request(*fields, *changes, method=method), COMMAND).startswith(f"HTTP/1.1 {status} ")


def test_a_long_list_of_protocols_is_not_sent_back() -> None:
    assert len(refused(request(*SPDY, "X-Stream-Protocol-Version: " + "x" * 9000), COMMAND)) < 1000
