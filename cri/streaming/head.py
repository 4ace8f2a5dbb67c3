"""The head of an HTTP/1.1 request that asks for an upgrade (RFC 9112, RFC 9110 section 7.8).

No body is ever read: what follows the head belongs to the protocol that the connection is upgraded to. Nothing is
repaired that two readers could understand in two ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.peer_error import PeerError

__all__ = ["HeadError", "HeadReader", "Request"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%b) ([!-~]+) HTTP/([0-9])\.([0-9])" % _TOKEN)
# Values are visible characters, blanks and, as Latin-1, obs-text; a line that begins with a blank is no field.
_FIELD = re.compile(rb"(%b):[ \t]*((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*" % _TOKEN)
_END = b"\r\n\r\n"


class HeadError(PeerError):
    """There is no request that could be served; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True)
class Request:
    """A request: `target` as it was sent, names of `fields` in lower case and in the order of the peer."""

    method: str
    target: str
    version: tuple[int, int]
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """All values of the field `name`, which is in lower case."""
        return [value for found, value in self.fields if found == name]

    def tokens(self, name: str) -> list[str]:
        """The elements of the lists in all fields `name`, without the empty ones."""
        elements = ",".join(self.values(name)).split(",")
        return [element.strip(" \t") for element in elements if element.strip(" \t")]

    def wants(self, protocol: str) -> bool:
        """Whether an upgrade of the connection to `protocol`, in lower case, is asked for."""
        named = [token.lower() for token in self.tokens("upgrade")]
        return "upgrade" in [token.lower() for token in self.tokens("connection")] and protocol in named


class HeadReader:
    """Takes bytes until a head is complete."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()

    def receive(self, data: bytes) -> tuple[Request, bytes] | None:
        """The request and the bytes behind its head, or None while it is incomplete.

        Raises HeadError for what is no head, is too long, or announces a body.
        """
        searched = max(len(self._buffer) - len(_END) + 1, 0)
        self._buffer += data
        end = self._buffer.find(_END, searched, self._limits.head)
        if end >= 0:
            lines = bytes(self._buffer[:end]).split(b"\r\n")
            rest = bytes(self._buffer[end + len(_END) :])
            self._buffer.clear()
            return self._parse(lines), rest
        if len(self._buffer) >= self._limits.head:
            raise HeadError(431, f"the head of the request is longer than {self._limits.head} bytes")
        return None

    def _parse(self, lines: list[bytes]) -> Request:
        line = _REQUEST_LINE.fullmatch(lines[0])
        if line is None:
            raise HeadError(400, f"no request line: {lines[0][:80]!r}")
        if len(lines) - 1 > self._limits.fields:
            raise HeadError(431, f"more than {self._limits.fields} fields in the head of the request")
        method, target, major, minor = (part.decode("ascii") for part in line.groups())
        request = Request(method, target, (int(major), int(minor)), tuple(map(_field, lines[1:])))
        _check(request)
        return request


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise HeadError(400, f"no header field: {line[:80]!r}")
    return found[1].decode("ascii").lower(), found[2].decode("latin-1")


def _check(request: Request) -> None:
    if request.version != (1, 1):
        major, minor = request.version
        raise HeadError(505, f"HTTP/{major}.{minor} can not be upgraded, only HTTP/1.1 can")
    if len(request.values("host")) != 1:
        raise HeadError(400, "a request names one host")
    if request.values("transfer-encoding") or any(value != "0" for value in request.values("content-length")):
        raise HeadError(400, "a request for an upgrade has no body")
