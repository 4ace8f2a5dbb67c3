"""Who may come in: owners of a certificate, and of the token."""

from __future__ import annotations

import hmac
import os
import ssl

from firkin.errors import ConfigError
from firkin.kubelet.http.message import Request
from firkin.kubelet.server.settings import ServerSettings

__all__ = ["Authentication", "tls_context"]

_LEAST_TOKEN = 16


class Authentication:
    """Tells who sent a request. Raises ConfigError if the token can not be used."""

    def __init__(self, settings: ServerSettings) -> None:
        self._names = frozenset(settings.client_names)
        self._path = settings.token_file
        self._read_at: tuple[int, int] = (0, 0)
        self._token = b""
        if self._path:
            self._read()

    def who(self, request: Request) -> str | None:
        """The name of who sent it; None if nobody knows."""
        name = self._certified(request)
        if name is not None:
            return name
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self._path and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._current()):
            return "token"
        return None

    def _certified(self, request: Request) -> str | None:
        # Only certificates of the authority come this far: the handshake refuses all others.
        certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
        if not certificate:
            return None
        subject = {key: value for group in certificate.get("subject", ()) for key, value in group}
        name = str(subject.get("commonName", ""))
        return name if not self._names or name in self._names else None

    def _current(self) -> bytes:
        # Tokens are replaced while the server runs; one that can not be read leaves the old one in force.
        try:
            found = os.stat(self._path)
            if (found.st_mtime_ns, found.st_ino) != self._read_at:
                self._read()
        except (OSError, ConfigError):
            pass
        return self._token

    def _read(self) -> None:
        try:
            with open(self._path, "rb") as file:
                found = os.fstat(file.fileno())
                token = file.read().strip()
        except OSError as error:
            raise ConfigError(
                "kubelet.server.token_file", f"{self._path}: {error.strerror}", document="configuration"
            ) from error
        if len(token) < _LEAST_TOKEN:
            reason = f"{self._path}: has less than {_LEAST_TOKEN} bytes, which can be guessed"
            raise ConfigError("kubelet.server.token_file", reason, document="configuration")
        self._token, self._read_at = token, (found.st_mtime_ns, found.st_ino)


def tls_context(settings: ServerSettings, certificate: str, key: str) -> ssl.SSLContext:
    """The server's side of TLS: 1.2 and newer, and of clients that show a certificate one of the authority.

    Raises ConfigError, with the key of what can not be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("kubelet.server.certificate", f"{certificate}: {error}", document="configuration") from error
    if settings.client_ca:
        try:
            context.load_verify_locations(settings.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                "kubelet.server.client_ca", f"{settings.client_ca}: {error}", document="configuration"
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
