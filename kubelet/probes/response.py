"""The answer to an HTTP request, as far as a probe reads it (RFC 9112). Knows neither socket nor time."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["MOST_BODY", "Response", "ResponseError", "ResponseReader"]

MOST_BODY = 10 << 10
"""Bytes of a body that are read, as by Kubernetes."""

_MOST_HEAD = 64 << 10
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: .*)?")


class ResponseError(Exception):
    """The server does not speak HTTP/1."""


class Response(NamedTuple):
    """What a server answered; `location` is where else it is to be had, `body` the first MOST_BODY bytes."""

    status: int
    location: str
    body: bytes


class ResponseReader:
    """Takes bytes until all is there that is wanted."""

    def __init__(self) -> None:
        self._buffer = b""
        self._head: tuple[int, dict[str, str]] | None = None

    def receive(self, data: bytes) -> Response | None:
        """The response, or None while more is needed; no data is the end of what the server says.

        Raises ResponseError.
        """
        self._buffer += data
        while self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                self._check_unfinished(data)
                return None
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            found = _parse(head)
            # 1xx only announces the response (RFC 9110, section 15.2).
            self._head = found if found[0] >= 200 else None
        status, fields = self._head
        # These two have no body, whatever their fields say (RFC 9112, section 6.3).
        body = b"" if status in (204, 304) else self._body(fields, is_over=not data)
        return None if body is None else Response(status, fields.get("location", ""), body)

    def _check_unfinished(self, data: bytes) -> None:
        if not data:
            raise ResponseError("EOF" if not self._buffer else "unexpected EOF")
        if not b"HTTP/1.".startswith(self._buffer[:7]):
            raise ResponseError(f'malformed HTTP response "{_printable(self._buffer)}"')
        if len(self._buffer) > _MOST_HEAD:
            raise ResponseError(f"the head of the response is longer than {_MOST_HEAD} bytes")

    def _body(self, fields: dict[str, str], *, is_over: bool) -> bytes | None:
        if fields.get("transfer-encoding", "").lower().endswith("chunked"):
            body, is_whole = _dechunk(self._buffer)
        else:
            length = fields.get("content-length", "")
            wanted = min(int(length), MOST_BODY) if length.isdecimal() and length.isascii() else MOST_BODY
            body, is_whole = self._buffer, len(self._buffer) >= wanted
        return body[:MOST_BODY] if is_over or is_whole or len(body) >= MOST_BODY else None


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    line, *lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise ResponseError(f'malformed HTTP response "{_printable(line)}"')
    fields = (text.decode("latin-1").partition(":") for text in lines)
    return int(found[1]), {name.strip().lower(): value.strip() for name, _, value in fields}


def _dechunk(data: bytes) -> tuple[bytes, bool]:
    # What there is of the body, and whether that is all of it.
    body = b""
    while (end := data.find(b"\r\n")) >= 0 and len(body) < MOST_BODY:
        try:
            size = int(data[:end].partition(b";")[0], 16)
        except ValueError:
            raise ResponseError("invalid byte in chunk length") from None
        if size <= 0:
            return body, True
        body += data[end + 2 : end + 2 + size]
        data = data[end + 2 + size + 2 :]
    return body, False


def _printable(data: bytes) -> str:
    return data[:80].decode("latin-1").encode("unicode_escape").decode("ascii")
