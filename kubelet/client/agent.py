"""Requests to the agent over its unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from firkin.errors import FirkinError

__all__ = ["DEFAULT_SOCKET", "Agent", "AgentError"]

DEFAULT_SOCKET = "/run/firkin/kubelet.sock"
_JSON = "application/json"
_PIECE = 1 << 16

Query = Iterable[tuple[str, str]]


class AgentError(FirkinError):
    """The agent refuses, or is not there; `status` is that of HTTP, 0 where none came."""

    def __init__(self, message: str, status: int = 0, *, hint: str = "") -> None:
        self.status = status
        super().__init__(message, hint=hint)


class Agent:
    """The agent at the unix socket `path`."""

    def __init__(self, path: str = DEFAULT_SOCKET) -> None:
        self.path = path

    def get(self, path: str, query: Query = (), *, accept: str = _JSON) -> Any:
        """The document at `path`, in the form `accept`, a media type. Raises AgentError."""
        with self._asked("GET", path, query, accept=accept) as response:
            return json.loads(response.read())

    def send(self, method: str, path: str, query: Query = (), *, body: bytes = b"", content_type: str = "") -> Any:
        """The answer to a request, a document. Raises AgentError."""
        with self._asked(method, path, query, body, content_type) as response:
            return json.loads(response.read())

    def read(self, path: str, query: Query = (), *, accept: str = _JSON) -> Iterator[bytes]:
        """What is at `path`, as it comes. Raises AgentError."""
        with self._asked("GET", path, query, accept=accept) as response:
            while data := response.read1(_PIECE):
                yield data

    @contextmanager
    def _asked(
        self, method: str, path: str, query: Query, body: bytes = b"", content_type: str = "", accept: str = _JSON
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _Connection(self.path)
        headers = {"Accept": accept, **({"Content-Type": content_type} if content_type else {})}
        target = f"{path}?{text}" if (text := urlencode(list(query))) else path
        try:
            connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise AgentError(_said(response.read()) or response.reason, response.status)
            yield response
        except (OSError, http.client.HTTPException) as error:
            hint = "firkin kubelet or firkin node must run; --socket names another one"
            raise AgentError(f"the agent at {self.path}: {_reason(error)}", hint=hint) from error
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("agent")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.connect(self._path)


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
