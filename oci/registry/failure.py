"""What went wrong with a server, in one line that names it."""

from __future__ import annotations

import datetime
import email.utils
import os
import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp

from firkin.errors import ConfigError, RegistryAccessError, RegistryError, RegistryMissingError
from firkin.oci.json_text import parse
from firkin.oci.registry.hosts import HOSTS_DIRECTORY
from firkin.oci.registry.limits import MOST_ERROR

if TYPE_CHECKING:
    from firkin.oci.registry.reply import Reply

__all__ = ["access_error", "clean", "connection_error", "protocol_error", "refusal", "silence_error", "wait_of"]

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_FILE = f"{HOSTS_DIRECTORY}/HOST/hosts.toml"
_HINTS = {
    403: "the credentials do not suffice, or the repository is private",
    404: "is the name right?",
    405: "the registry does not allow this operation",
    413: "the registry, or a proxy before it, limits the size of what is pushed",
    429: "the registry limits how much it gives in a time; logged in users may have more",
}


def clean(text: str, most: int = 200) -> str:
    """What a server says, on one line and without what a terminal would take as a command."""
    line = " ".join(text[: most * 4].split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:most]


def protocol_error(what: str, host: str, reason: str, *, transient: bool = False, hint: str = "") -> RegistryError:
    """The server does not keep to the protocol."""
    return RegistryError(f"{what}: {host}: {reason}", host=host, transient=transient, hint=hint)


def access_error(what: str, host: str, status: int, reason: str, hint: str) -> RegistryAccessError:
    """The server does not let us."""
    return RegistryAccessError(f"{what}: {host}: {reason}", host=host, status=status, hint=hint)


def silence_error(what: str, host: str, seconds: float) -> RegistryError:
    """The server says nothing, or too little."""
    return protocol_error(what, host, f"sends nothing, or too slowly, for {seconds:g} seconds", transient=True)


def connection_error(what: str, host: str, error: Exception, *, plain: bool) -> RegistryError:
    """What the HTTP library or the system says of a connection. `plain` tells that it is without TLS."""
    reason, transient, hint = _explain(error, plain=plain)
    return protocol_error(what, host, reason, transient=transient, hint=hint)


def _explain(error: BaseException, *, plain: bool) -> tuple[str, bool, str]:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            f"its certificate is not trusted: {_verification(error.certificate_error)}",
            False,
            (f"name its CA as ca in {_FILE}"),
        )
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, ssl.SSLError):
        # What the server objects to comes after the handshake since TLS 1.3.
        error = error.__cause__
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return f"TLS fails: {_tls_reason(error)}", False, _tls_hint(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status} {clean(error.message)}", error.status in _TRANSIENT, ""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy can not be reached: {_os_reason(error.os_error)}", True, "see HTTP_PROXY, HTTPS_PROXY"
    if isinstance(error, aiohttp.ClientConnectorError):
        again = not isinstance(error.os_error, socket.gaierror) or error.os_error.errno == socket.EAI_AGAIN
        return f"can not be reached: {_os_reason(error.os_error)}", again, ""
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "can not be reached in time", True, ""
    if isinstance(error, aiohttp.ClientResponseError):
        hint = f"if it speaks TLS, say so in {_FILE}" if plain else ""
        return f"its answer is not HTTP: {clean(error.message)}", False, hint
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "closes the connection before its answer is complete", True, ""
    if isinstance(error, UnicodeError):
        return "can not be reached: that is no name of a host", False, ""
    if isinstance(error, OSError):
        return f"the connection breaks: {_os_reason(error)}", True, ""
    return clean(str(error)) or type(error).__name__, False, ""


def _verification(error: Exception) -> str:
    return str(getattr(error, "verify_message", "")) or clean(str(error))


def _tls_hint(error: BaseException) -> str:
    reason = _tls_reason(error)
    if "alert" in reason and "certificate" in reason:
        return f"name a certificate that it accepts as client in {_FILE}"
    return f"if it speaks plain http, say so in {_FILE}" if "version" in reason else ""


def _tls_reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", error)
    return clean(str(getattr(inner, "reason", "") or inner)).replace("_", " ").lower()


def _os_reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno or error.errno < 0:
        return clean(str(error.strerror or error)).lower()
    return os.strerror(error.errno).lower()


async def refusal(reply: Reply, what: str, *, authorized: bool = False) -> RegistryError:
    """The error for a status that is not of success, with what the registry itself says of it."""
    said = await _said(reply, what)
    reason = f"answers {reply.status}{f': {said}' if said else ''}"
    if reply.status == 401:
        hint = "the credentials are not accepted" if authorized else f"log in to {reply.host}, as with docker login"
        return access_error(what, reply.host, 401, reason, hint)
    hint = f"it wants TLS: say so in {_FILE}" if "HTTPS server" in said else _HINTS.get(reply.status, "")
    cls = {403: RegistryAccessError, 404: RegistryMissingError}.get(reply.status, RegistryError)
    return cls(
        f"{what}: {reply.host}: {reason}",
        host=reply.host,
        status=reply.status,
        transient=reply.status in _TRANSIENT,
        wait=wait_of(reply.headers.get("Retry-After", "")),
        hint=hint,
    )


async def _said(reply: Reply, what: str) -> str:
    try:
        body = await reply.read(MOST_ERROR)
    except RegistryError:
        # The status is what counts; the text would only have explained it.
        return ""
    try:
        document = parse(body, what)
    except ConfigError:
        kind = reply.headers.get("Content-Type", "")
        return clean(body.decode(errors="replace")) if kind.startswith("text/plain") else ""
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return ""
    return clean(" ".join(str(first[key]) for key in ("code", "message") if first.get(key)))


def wait_of(field: str) -> float | None:
    """The seconds of a `Retry-After`, None if there is none that can be understood (RFC 9110, section 10.2.3)."""
    if field.isascii() and field.isdigit() and len(field) < 10:
        return float(field)
    try:
        date = email.utils.parsedate_to_datetime(field)
        return max(0.0, (date - datetime.datetime.now(datetime.UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
