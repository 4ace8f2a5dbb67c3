"""The head of a request for an upgrade."""

from __future__ import annotations

import pytest

from firkin.cri.streaming.head import HeadError, HeadReader, Request
from firkin.cri.streaming.limits import Limits

HEAD = (
    b"POST /exec/abc?x=1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 0\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v5.channel.k8s.io\r\n"
    b"X-Stream-Protocol-Version:v4.channel.k8s.io, ,\tchannel.k8s.io \t\r\nEmpty:\r\n\r\n"
)
FEW = Limits(head=400, fields=9)


def read(data: bytes, limits: Limits = FEW) -> tuple[Request, bytes] | None:
    return HeadReader(limits).receive(data)


def whole(data: bytes) -> Request:
    found = read(data)
    assert found is not None
    return found[0]


def test_a_head_is_read_as_it_was_sent() -> None:
    request = whole(HEAD)
    assert (request.method, request.target, request.version) == ("POST", "/exec/abc?x=1", (1, 1))
    assert request.values("host") == ["127.0.0.1:1"] and request.values("empty") == [""]
    protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"]
    assert request.tokens("x-stream-protocol-version") == protocols
    assert request.wants("spdy/3.1") and not request.wants("websocket")


def test_one_byte_at_a_time() -> None:
    reader = HeadReader(FEW)
    for index in range(len(HEAD) - 1):
        assert reader.receive(HEAD[index : index + 1]) is None
    assert reader.receive(HEAD[-1:]) == (whole(HEAD), b"")


def test_what_follows_the_head_is_not_touched() -> None:
    assert read(HEAD + b"\r\n\r\nmore") == (whole(HEAD), b"\r\n\r\nmore")


@pytest.mark.parametrize(
    ("connection", "upgrade", "wants"),
    [
        ("keep-alive, Upgrade", "h2c, websocket", True),
        ("UPGRADE", "WebSocket", True),
        ("keep-alive", "websocket", False),
        ("xupgrade", "websocket", False),
        ("upgrade", "websockets", False),
    ],
)
def test_an_upgrade_is_asked_for_in_two_fields(connection: str, upgrade: str, *, wants: bool) -> None:
    head = f"GET / HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nUpgrade: {upgrade}\r\n\r\n"
    assert whole(head.encode()).wants("websocket") is wants


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / http/1.1", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        ("GET /ü HTTP/1.1".encode(), 400),
        (b"G\xc8T / HTTP/1.1", 400),
        (b" GET / HTTP/1.1", 400),
        (b"", 400),
        (b"GET / HTTP/1.0", 505),
        (b"PRI * HTTP/2.0", 505),
    ],
)
def test_what_is_no_request_line_is_refused(line: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        read(line + b"\r\nHost: h\r\n\r\n")
    assert caught.value.status == status


@pytest.mark.parametrize(
    "field",
    [
        b"Name : value", b" folded", b"\tfolded", b"NoColon", b": value", b"Na me: v", b"Name: a\x00b", b"Name: a\nb",
        b"Name: a\rb", b"Name: \x7f", b"N\xc4me: v", b"Host: second", b"Content-Length: 1", b"Content-Length: 00",
        b"Content-Length: 0, 0", b"Content-Length: +0", b"Content-Length:", b"Transfer-Encoding: chunked",
    ],
)  # fmt: skip
def test_what_two_readers_could_take_differently_is_refused(field: bytes) -> None:
    with pytest.raises(HeadError) as caught:
        read(b"GET / HTTP/1.1\r\nHost: h\r\n" + field + b"\r\n\r\n")
    assert caught.value.status == 400


def test_a_request_without_host_is_refused() -> None:
    with pytest.raises(HeadError, match="one host"):
        read(b"GET / HTTP/1.1\r\n\r\n")


def test_bare_line_feeds_end_no_head() -> None:
    assert read(b"GET / HTTP/1.1\nHost: h\n\n") is None


def test_values_may_hold_what_is_not_ascii() -> None:
    assert whole(b"GET / HTTP/1.1\r\nHost: h\r\nName: \xe4 \t b\r\n\r\n").values("name") == ["\xe4 \t b"]


def test_a_head_has_a_greatest_length() -> None:
    start = b"GET / HTTP/1.1\r\nHost: h\r\nLong: "
    fits = start + b"x" * (FEW.head - len(start) - 4) + b"\r\n\r\n"
    assert len(fits) == FEW.head
    assert read(fits) is not None
    longer = start + b"x" + fits[len(start) :]
    with pytest.raises(HeadError, match="longer than 400") as caught:
        read(longer)
    assert caught.value.status == 431
    with pytest.raises(HeadError, match="longer than 400"):
        read(b"x" * FEW.head)


def test_a_head_has_a_greatest_number_of_fields() -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * (FEW.fields - 1)
    assert read(head + b"\r\n") is not None
    with pytest.raises(HeadError, match="more than 9 fields") as caught:
        read(head + b"a: b\r\n\r\n")
    assert caught.value.status == 431
