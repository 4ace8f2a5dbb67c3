"""The streaming server: gives out addresses that can be used once, and serves who comes to them."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from firkin.cri.streaming.command_spdy import SpdyCommand
from firkin.cri.streaming.command_websocket import WebsocketCommand
from firkin.cri.streaming.forward_spdy import SpdyForward
from firkin.cri.streaming.forward_websocket import ChannelForward, TunnelledForward
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.negotiate import COMMAND, FORWARD, RefusedError, Transport, negotiate
from firkin.cri.streaming.request import AttachRequest, ExecRequest, ForwardRequest
from firkin.cri.streaming.serve_command import CommandDriver
from firkin.cri.streaming.serve_forward import ForwardDriver
from firkin.cri.streaming.serving import Served
from firkin.cri.streaming.tokens import Tokens
from firkin.cri.streaming.wire import Wire
from firkin.errors import ConfigError, KernelError

if TYPE_CHECKING:
    import ssl

    from firkin.cri.streaming.command import CommandCore
    from firkin.cri.streaming.forward import ForwardCore
    from firkin.cri.streaming.head import Request
    from firkin.cri.streaming.negotiate import Accepted
    from firkin.cri.streaming.request import StreamRequest
    from firkin.cri.streaming.serving import Driver
    from firkin.cri.streaming.session import Runtime

__all__ = ["StreamingServer"]

_TARGET = re.compile(r"/(exec|attach|portforward)/([A-Za-z0-9_-]+)(?:\?.*)?")


class StreamingServer:
    """Serves exec, attach and port-forward.

    Parameters: `runtime` does what is asked for; `tls`, where given, has the certificate and says whether clients need
    one too.
    """

    def __init__(self, runtime: Runtime, limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits or Limits()
        self._tls = tls
        self._tokens = Tokens(self._limits, time.monotonic)
        self._connections = _Connections(runtime, self._limits, self._tokens)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on `host`, on a port that the kernel chooses where `port` is 0. Raises KernelError, ConfigError."""
        loop = asyncio.get_running_loop()
        make = partial(Wire, self._limits, self._connections)
        try:
            self._server = await loop.create_server(
                make,
                host,
                port,
                ssl=self._tls,
                ssl_handshake_timeout=self._limits.wait_head if self._tls else None,
                backlog=128,
            )
        except socket.gaierror as error:
            raise ConfigError("host", f"{host!r} is no address: {error.strerror}", document="streaming") from error
        except OSError as error:
            raise KernelError(f"streaming: listen on {host} port {port}", error.errno or 0) from error
        self._base = _base(self._server.sockets[0].getsockname(), is_tls=self._tls is not None)

    def read_certificate(self, certificate: str, key: str) -> None:
        """Read the files again, if there is TLS: connections from now on see what is in them. Raises ConfigError."""
        if self._tls is None:
            return
        import ssl

        try:
            # A context that is given what does not fit together has lost what it had.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            self._tls.load_cert_chain(certificate, key)
        except OSError as error:
            reason = f"{certificate} with {key}: {error}"
            raise ConfigError("cri.streaming.certificate", reason, document="configuration") from error

    def issue(self, request: StreamRequest) -> str:
        """The URL at which `request` is served, to who asks first.

        Raises ConfigError if it can not be met, ResourceExhaustedError if too many others wait for their client.
        """
        request.check()
        return f"{self._base}/{request.path}/{self._tokens.issue(request)}"

    async def close(self, patience: float = 5) -> None:
        """Stop listening, take leave of all clients, and cut those off that do not go within `patience` seconds.

        When it returns no task and no connection of the server is left, and every session has been closed.
        """
        self._server.close()
        await self._connections.close(patience)
        await self._server.wait_closed()


class _Connections:
    """The connections that are open, and what requests lead to."""

    def __init__(self, runtime: Runtime, limits: Limits, tokens: Tokens) -> None:
        self._runtime = runtime
        self._limits = limits
        self._tokens = tokens
        self.wires: set[Wire] = set()
        # In the order in which they came.
        self._strangers: dict[Wire, None] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._is_closed = False

    def opened(self, wire: Wire) -> None:
        """A connection stands."""
        self.wires.add(wire)
        self._none_left.clear()
        self._strangers[wire] = None
        if len(self._strangers) > self._limits.strangers:
            next(iter(self._strangers)).abort()
        if self._is_closed:
            # Its handshake of TLS had begun before.
            wire.abort()

    def closed(self, wire: Wire) -> None:
        """A connection is over."""
        self.wires.discard(wire)
        self._strangers.pop(wire, None)
        if not self.wires:
            self._none_left.set()

    async def close(self, patience: float) -> None:
        """Take leave of all, and cut those off that do not go within `patience` seconds."""
        self._is_closed = True
        for wire in tuple(self.wires):
            wire.leave("the server is being stopped")
        try:
            async with asyncio.timeout(patience):
                await self._none_left.wait()
        except TimeoutError:
            for wire in tuple(self.wires):
                wire.abort()
            await self._none_left.wait()

    def serve(self, wire: Wire, http: Request) -> Served:
        """What a request leads to. Raises RefusedError."""
        if len(self.wires) - len(self._strangers) >= self._limits.connections:
            raise RefusedError(503, f"{self._limits.connections} connections are served, which is the most")
        if http.method not in ("GET", "POST"):
            raise RefusedError(405, f"{http.method} is not served", [("Allow", "GET, POST")])
        target = _TARGET.fullmatch(http.target)
        request = self._tokens.redeem(target[2]) if target else None
        if target is None or request is None or request.path != target[1]:
            raise RefusedError(404, "not found: a URL can be used once, and within a minute")
        if isinstance(request, ForwardRequest):
            served = self._forward(request, negotiate(http, FORWARD))
        else:
            served = self._command(request, negotiate(http, COMMAND))
        del self._strangers[wire]
        return served

    def _command(self, request: ExecRequest | AttachRequest, accepted: Accepted) -> Served:
        core: CommandCore
        if accepted.transport is Transport.SPDY:
            core = SpdyCommand(accepted.protocol, request.wanted, self._limits)
        else:
            core = WebsocketCommand(accepted.protocol, request.wanted, self._limits)
        is_exec = isinstance(request, ExecRequest)
        open_session = (
            partial(self._runtime.exec, request)
            if isinstance(request, ExecRequest)
            else partial(self._runtime.attach, request)
        )

        def driver(wire: Wire) -> Driver:
            return CommandDriver(wire, core, self._limits, open_session, tells_code=is_exec)

        return Served(accepted.head, core, driver)

    def _forward(self, request: ForwardRequest, accepted: Accepted) -> Served:
        core: ForwardCore
        if accepted.transport is Transport.SPDY:
            core = SpdyForward(self._limits)
        elif accepted.transport is Transport.TUNNEL:
            core = TunnelledForward(self._limits)
        elif request.ports:
            core = ChannelForward(accepted.protocol, request.ports, self._limits)
        else:
            raise RefusedError(400, f"{accepted.protocol} wants the ports in the request to the runtime")

        def driver(wire: Wire) -> Driver:
            return ForwardDriver(wire, core, self._limits, partial(self._runtime.connect, request.sandbox))

        return Served(accepted.head, core, driver)


def _base(address: tuple[str, int] | tuple[str, int, int, int], *, is_tls: bool) -> str:
    host = f"[{address[0]}]" if ipaddress.ip_address(address[0]).version == 6 else address[0]
    return f"{'https' if is_tls else 'http'}://{host}:{address[1]}"
