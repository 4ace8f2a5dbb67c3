"""The HTTPS server: everything behind one door."""

from __future__ import annotations

from firkin import log
from firkin.kubelet.config import Config
from firkin.kubelet.http.message import Answer, Handler, Request
from firkin.kubelet.http.server import Server
from firkin.kubelet.server.authentication import Authentication, tls_context
from firkin.kubelet.server.certificate import own_certificate
from firkin.kubelet.server.failure import failure
from firkin.kubelet.server.outside import Outside

__all__ = ["HttpsServer"]

_LOG = log.to("server")


class HttpsServer:
    """Serves the kubelet's endpoints, and all else by `api`, to those who say who they are.

    Without anybody who may come in it does not listen, and `port` is 0. Raises ConfigError if the token can not be
    used.
    """

    def __init__(self, config: Config, outside: Outside, api: Handler) -> None:
        self._config = config
        self._settings = config.server
        self._outside = outside
        self._api = api
        self._authentication = Authentication(config.server)
        self._server = Server(self._answer)
        self.port = 0

    async def start(self, node_name: str, addresses: tuple[str, ...]) -> None:
        """Listen, unless nobody may come in. Raises ConfigError, KernelError, StateError."""
        settings = self._settings
        if not settings.is_open:
            _LOG.info("no HTTPS: neither client_ca nor token_file is set in kubelet.server")
            return
        certificate, key = settings.certificate, settings.key
        if not certificate:
            certificate = await own_certificate(f"{self._config.root}/pki", node_name, addresses)
        context = tls_context(settings, certificate, key)
        self.port = await self._server.listen_tcp(settings.address, settings.port, context)
        _LOG.info("HTTPS at %s port %d", settings.address, self.port)

    async def close(self) -> None:
        """End all connections."""
        await self._server.close()

    async def _answer(self, request: Request) -> Answer:
        who = self._authentication.who(request)
        if who is None:
            _LOG.info("%s %s: unauthorized", request.method, request.path)
            return failure(401, "Unauthorized")
        with log.bound(user=who):
            _LOG.debug("%s %s", request.method, request.path)
            answer = await self._outside.answer(request)
            return answer if answer is not None else await self._api(request)
