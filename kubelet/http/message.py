"""Requests and answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

__all__ = ["Answer", "BadRequestError", "Handler", "Request", "Response", "Upgrade", "parse_head"]

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOST_HEADERS = 100


class BadRequestError(Exception):
    """What came is no request that is answered; `status` says why, the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Names of headers are in lower case; `target` is as it was sent, `path` decoded.

    `transport` knows who sent it: `get_extra_info("peercert")`, `get_extra_info("socket")`.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    transport: asyncio.BaseTransport | None = None

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, list[str]]:
        """All parameters: a name may be there several times."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return self.query.get(name, [default])[0]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: all of it, or a stream whose parts go out as they come."""

    status: int
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The connection is taken over: `take` gets it as it is behind the head of the request, and answers itself."""

    take: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


Answer = Response | Upgrade
Handler = Callable[[Request], Awaitable[Answer]]


def parse_head(head: bytes, transport: asyncio.BaseTransport | None = None) -> Request:
    """The request that a head, with its empty line, begins. Raises BadRequestError (RFC 9112, sections 3 and 5)."""
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not _is_token(words[0]) or not words[1].startswith("/"):
        raise BadRequestError(400, "the first line is no request")
    if words[2] != "HTTP/1.1":
        raise BadRequestError(505, "HTTP/1.1 is spoken here")
    if len(lines) > _MOST_HEADERS:
        raise BadRequestError(431, "there are too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not _is_token(name):
            raise BadRequestError(400, "a line is no header")
        name, value = name.lower(), value.strip(" \t")
        if name in headers and name in ("content-length", "transfer-encoding", "host", "authorization"):
            raise BadRequestError(400, f"{name} is there twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "host" not in headers:
        raise BadRequestError(400, "there is no host header")
    return Request(words[0], words[1], headers, b"", transport)


def _is_token(text: str) -> bool:
    return bool(text) and _TOKEN.issuperset(text)
