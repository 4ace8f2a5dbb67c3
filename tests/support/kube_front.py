"""As much of an API server as kubectl wants before it talks to a container: it hands the connection on.

That is how the kubelet does it: the request goes to the URL that the runtime gave out, and from then on bytes are moved
both ways, by a front that knows neither SPDY nor WebSocket.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.request import AttachRequest, ExecRequest, ForwardRequest

if TYPE_CHECKING:
    from firkin.cri.streaming.request import StreamRequest
    from firkin.cri.streaming.server import StreamingServer

__all__ = ["KubeFront"]

_RESOURCES = [{"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get"]}]
_DOCUMENTS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": _RESOURCES},
    "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
}


class KubeFront:
    """Serves any pod, with containers named `c` and `missing`, from a streaming server."""

    def __init__(self, streaming: StreamingServer) -> None:
        self._streaming = streaming
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: list[str] = []
        """What was asked for: protocols and transport of each connection that was handed on."""

    async def start(self) -> None:
        """Listen on a port of the loopback interface; `url` is where."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"

    async def close(self) -> None:
        """Stop listening, and hang up."""
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of its own: that of the server would tell of it when it is cancelled.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, _, fields = head.partition(b"\r\n")
                method, target, _ = line.decode().split(" ")
                if urlsplit(target).path.rpartition("/")[2] in ("exec", "attach", "portforward"):
                    await self._hand_on(method, target, fields, reader, writer)
                    break
                self._answer(urlsplit(target).path, writer)

    def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        name = path.rpartition("/")[2]
        body = json.dumps(_DOCUMENTS.get(path) or _pod(name)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async def _hand_on(
        self, method: str, target: str, fields: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.seen.append(_protocols(fields))
        url = urlsplit(self._streaming.issue(_request(target)))
        back_reader, back_writer = await asyncio.open_connection(url.hostname, url.port)
        back_writer.write(f"{method} {url.path} HTTP/1.1\r\n".encode() + fields)
        copies = [_copy(reader, back_writer), _copy(back_reader, writer)]
        tasks = [asyncio.create_task(copy) for copy in copies]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            back_writer.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _request(target: str) -> StreamRequest:
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    kind = parts.path.rpartition("/")[2]
    if kind == "portforward":
        return ForwardRequest("sandbox", tuple(int(port) for port in query.get("ports", [])))
    flags = [query.get(name, [""])[0].lower() in ("true", "1") for name in ("stdin", "stdout", "stderr", "tty")]
    if kind == "exec":
        return ExecRequest(query["container"][0], tuple(query["command"]), Wanted(*flags))
    return AttachRequest(query["container"][0], Wanted(*flags))


def _protocols(fields: bytes) -> str:
    names = (b"x-stream-protocol-version", b"sec-websocket-protocol", b"upgrade")
    lines = [line.partition(b":") for line in fields.split(b"\r\n")]
    return " ".join(value.strip().decode() for name, _, value in lines if name.lower() in names)


def _pod(name: str) -> dict[str, object]:
    spec = {"containers": [{"name": name, "image": "i", "stdin": True} for name in ("c", "missing")]}
    metadata = {"name": name, "namespace": "default", "uid": "u"}
    status = {"phase": "Running", "podIP": "127.0.0.1"}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
