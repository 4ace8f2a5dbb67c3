"""Probes by HTTP: a GET, and what status it is answered with."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from firkin.kubelet.probes.answer import Answer
from firkin.kubelet.probes.dial import DialError, dial, join_host_port, reason_of
from firkin.kubelet.probes.response import Response, ResponseError, ResponseReader
from firkin.kubelet.probes.step import Outcome

__all__ = ["Request", "get", "probe_http"]

_MOST_REDIRECTS = 10
_USER_AGENT = "kube-probe/1.36"
_PORTS = {"http": 80, "https": 443}


class Request(NamedTuple):
    """What is asked for: `url` and the header fields of a manifest."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


async def probe_http(request: Request, seconds: int) -> Answer:
    """Ask, and follow redirections within the host; 200 to 399 is success, with a warning if it is a redirection.

    Parameters: `seconds` is how long all of it may take. Certificates are not checked, as Kubernetes does it.
    """
    try:
        async with asyncio.timeout(seconds):
            response = await _follow(request)
    except TimeoutError:
        reason = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Answer(Outcome.FAILURE, f'Get "{request.url}": {reason}')
    except (DialError, ResponseError, ValueError) as error:
        # What is no URL comes of a redirection.
        return Answer(Outcome.FAILURE, f'Get "{request.url}": {error}')
    if not 200 <= response.status < 400:
        return Answer(Outcome.FAILURE, f"HTTP probe failed with statuscode: {response.status}")
    if response.status >= 300:
        body = response.body.decode(errors="replace")
        return Answer(Outcome.SUCCESS, f"Probe terminated redirects, Response body: {body}", is_warning=True)
    return Answer(Outcome.SUCCESS)


async def _follow(request: Request) -> Response:
    response = await get(request)
    for _ in range(_MOST_REDIRECTS):
        if response.status not in (301, 302, 303, 307, 308) or not response.location:
            break
        target = urljoin(request.url, response.location)
        if urlsplit(target).hostname != urlsplit(request.url).hostname or urlsplit(target).scheme not in _PORTS:
            break
        request = Request(target, tuple(one for one in request.headers if one[0].lower() != "host"))
        response = await get(request)
    return response


async def get(request: Request) -> Response:
    """Ask once, over a connection of its own. Raises DialError, ResponseError; waits for ever."""
    parts = urlsplit(request.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    data = _encode(parts, request.headers)
    try:
        return await (_exchange_tls if parts.scheme == "https" else _exchange)(host, port, data)
    except OSError as error:
        raise DialError(f"read tcp {join_host_port(host, port)}: read: {reason_of(error)}") from error


async def _exchange(host: str, port: int, data: bytes) -> Response:
    # The loop's calls for sockets cost half of what its streams do.
    loop = asyncio.get_running_loop()
    reader = ResponseReader()
    with await dial(host, port) as connection:
        await loop.sock_sendall(connection, data)
        while True:
            response = reader.receive(await loop.sock_recv(connection, 1 << 14))
            if response is not None:
                return response


async def _exchange_tls(host: str, port: int, data: bytes) -> Response:
    reader = ResponseReader()
    connection = await dial(host, port)
    try:
        incoming, outgoing = await asyncio.open_connection(sock=connection, ssl=_unverified(), server_hostname=host)
    except ssl.SSLError as error:
        connection.close()
        raise ResponseError(f"tls: {error.reason or error}") from error
    except BaseException:
        connection.close()
        raise
    try:
        outgoing.write(data)
        while True:
            response = reader.receive(await incoming.read(1 << 14))
            if response is not None:
                return response
    finally:
        # Without a farewell: who does not answer it would be waited for.
        outgoing.transport.abort()


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _encode(url: SplitResult, headers: Iterable[tuple[str, str]]) -> bytes:
    given = {name.lower() for name, _ in headers}
    fields = [] if "host" in given else [("Host", url.netloc)]
    if "user-agent" not in given:
        fields.append(("User-Agent", _USER_AGENT))
    if "accept" not in given:
        fields.append(("Accept", "*/*"))
    # A field that is given empty is left out.
    fields += [
        (name, value) for name, value in headers if value and name.lower() not in ("connection", "content-length")
    ]
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")
