"""HTTP: connections, proxies, redirects. Every failure leaves here as a RegistryError that names the server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import aiohttp
from yarl import URL

from firkin.errors import FirkinError
from firkin.oci.registry.endpoint import Endpoint, name_of, origin
from firkin.oci.registry.failure import connection_error, protocol_error, silence_error
from firkin.oci.registry.limits import MOST_REDIRECTS, Limits
from firkin.oci.registry.proxy import proxy_for
from firkin.oci.registry.redirect import REDIRECTS, target
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import FileRange, Request

__all__ = ["Transport"]

_BUFFER = 256 << 10
_HEADERS = {"User-Agent": "firkin", "Accept-Encoding": "identity"}


class Transport:
    """The connections to all servers, kept while they are of use. To be entered in a running loop."""

    def __init__(self, limits: Limits | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self.limits = limits or Limits()
        self._environment = environment
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_once,),
            auto_decompress=False,
            read_bufsize=_BUFFER,
            headers=_HEADERS,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def exchange(self, endpoint: Endpoint, request: Request, authorization: str = "") -> AsyncIterator[Reply]:
        """Send, follow redirects, and give the answer, whatever its status.

        `authorization` and the headers of the endpoint go to the endpoint alone, never to where it redirects to.
        Raises RegistryError, ConfigError.
        """
        url = request.url
        # Whoever was left once is not trusted again: the way back was chosen by somebody else.
        is_home = True
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._send(endpoint, request, url, authorization, is_home=is_home)
            try:
                reply = Reply(response, url, request.what, self.limits)
                if response.status not in REDIRECTS or request.method not in ("GET", "HEAD"):
                    yield reply
                    return
                url = target(url, response.headers.get("Location", ""), request.what)
                is_home = is_home and origin(url) == origin(request.url)
            finally:
                # What is not read is not worth reading: the connection is given up.
                response.release() if response.content.at_eof() else response.close()
        reason = f"redirects more than {MOST_REDIRECTS} times, in a circle perhaps"
        raise protocol_error(request.what, name_of(request.url), reason)

    async def _send(
        self, endpoint: Endpoint, request: Request, url: URL, authorization: str, *, is_home: bool
    ) -> aiohttp.ClientResponse:
        tls = endpoint.tls(url) if url.scheme == "https" else False
        silence = self.limits.silence
        try:
            async with asyncio.timeout(silence) as deadline:
                return await self._session.request(
                    request.method,
                    url,
                    headers=_headers(endpoint, request, authorization, is_home=is_home),
                    data=_body(request.body, deadline, silence),
                    allow_redirects=False,
                    ssl=tls or True,
                    proxy=proxy_for(url, self._environment),
                    timeout=self._patience(endpoint, url),
                )
        except TimeoutError as error:
            if isinstance(error, aiohttp.ClientError):
                raise connection_error(request.what, name_of(url), error, plain=False) from error
            raise silence_error(request.what, name_of(url), silence) from None
        except (_BrokenError, aiohttp.ClientError, OSError, UnicodeError) as caught:
            cause = caught.error if isinstance(caught, _BrokenError) else caught
            if isinstance(cause.__cause__, FirkinError):
                # What can not be sent is not the fault of the connection.
                raise cause.__cause__ from None
            raise connection_error(request.what, name_of(url), cause, plain=url.scheme == "http") from cause

    def _patience(self, endpoint: Endpoint, url: URL) -> aiohttp.ClientTimeout:
        is_own = origin(url) == origin(endpoint.base)
        return aiohttp.ClientTimeout(sock_connect=(is_own and endpoint.dial_timeout) or self.limits.connect)


class _BrokenError(Exception):
    # A connection that broke, in a form that the library does not know.
    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(str(error))
        self.error = error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # The library itself would repeat what is idempotent: how often a server is asked, the caller alone decides.
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError(error) from error


def _headers(endpoint: Endpoint, request: Request, authorization: str, *, is_home: bool) -> list[tuple[str, str]]:
    headers = dict(request.headers)
    if isinstance(request.body, FileRange):
        headers["Content-Length"] = str(request.body.length)
    if not is_home:
        headers.pop("Authorization", None)
    # A token server is no endpoint: it has the headers of its request alone.
    elif origin(request.url) == origin(endpoint.base):
        if authorization:
            headers["Authorization"] = authorization
        return [*headers.items(), *endpoint.headers]
    return [*headers.items()]


def _body(body: bytes | FileRange, deadline: asyncio.Timeout, silence: float) -> bytes | AsyncIterator[bytes] | None:
    return _paced(body, deadline, silence) if isinstance(body, FileRange) else body or None


async def _paced(body: FileRange, deadline: asyncio.Timeout, silence: float) -> AsyncIterator[bytes]:
    # Each chunk that the server takes renews its time.
    clock = asyncio.get_running_loop().time
    for chunk in body.chunks():
        yield chunk
        # An answer may come before all is sent; then nobody waits for it any more.
        with suppress(RuntimeError):
            deadline.reschedule(clock() + silence)
