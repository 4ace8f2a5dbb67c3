"""Responses, however they arrive."""

from __future__ import annotations

import pytest

from firkin.kubelet.probes.response import MOST_BODY, Response, ResponseError, ResponseReader

LONG = b"y" * (MOST_BODY + 5)


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Response(200, "", b"ok")),
        (b"HTTP/1.0 200\r\n\r\nall of it", Response(200, "", b"all of it")),
        (b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", Response(204, "", b"")),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Response(200, "", b"")),
        (b"HTTP/1.1 302 Found\r\nLOCATION:  /x \r\nContent-Length: 0\r\n\r\n", Response(302, "/x", b"")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\n",
         Response(200, "", b"ok!")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + LONG, Response(200, "", LONG[:MOST_BODY])),
        (b"HTTP/1.1 200 OK\r\n\r\n" + LONG, Response(200, "", LONG[:MOST_BODY])),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(LONG), LONG),
         Response(200, "", LONG[:MOST_BODY])),
    ],
)  # fmt: skip
def test_whole_and_byte_by_byte(data: bytes, response: Response) -> None:
    for step in (len(data), 1):
        reader = ResponseReader()
        found = None
        for start in range(0, len(data), step):
            found = reader.receive(data[start : start + step])
            if found is not None:
                break
        assert (found or reader.receive(b"")) == response


def test_a_head_without_an_end_is_not_kept() -> None:
    reader = ResponseReader()
    assert reader.receive(b"HTTP/1.1 200 OK\r\n") is None
    with pytest.raises(ResponseError, match="longer than"):
        reader.receive(b"x: " + b"y" * 70000)


@pytest.mark.parametrize(("data", "reason"), [(b"", "^EOF"), (b"HTTP/1.1 20", "unexpected EOF")])
def test_an_end_in_the_head(data: bytes, reason: str) -> None:
    reader = ResponseReader()
    if data:
        assert reader.receive(data) is None
    with pytest.raises(ResponseError, match=reason):
        reader.receive(b"")
