"""The proof that each registry wants with a request: nothing, a password, or a token of its token server.

Source: distribution docs/spec/auth/token.md, oauth.md; RFC 6750, 7617.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from yarl import URL

from firkin.errors import ConfigError
from firkin.oci.json_text import parse
from firkin.oci.registry.challenge import Challenge, challenges
from firkin.oci.registry.credentials import Credentials, Lookup
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.failure import access_error, protocol_error, refusal
from firkin.oci.registry.limits import MOST_TOKEN
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request
from firkin.oci.registry.transport import Transport

__all__ = ["Authorizer"]

_CLIENT = "firkin"
_SHORTEST = 60.0
_MARGIN = 10.0


@dataclass(frozen=True)
class _Token:
    authorization: str
    expires: float


class Authorizer:
    """What is known of how each endpoint wants to be convinced, and the tokens got so far."""

    def __init__(self, transport: Transport, lookup: Lookup) -> None:
        self._transport = transport
        self._lookup = lookup
        self._challenges: dict[tuple[str, Sequence[str]], Challenge] = {}
        self._credentials: dict[str, Credentials | None] = {}
        self._tokens: dict[tuple[str, Sequence[str]], _Token] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def authorization(self, endpoint: Endpoint, request: Request) -> str:
        """The value of `Authorization` for a request; "" while the endpoint has not asked for any.

        Raises RegistryError if the token server fails, ConfigError, KernelError.
        """
        key = (endpoint.url, request.scopes)
        async with self._locks[endpoint.url]:
            challenge = self._challenges.get(key)
            if challenge is None:
                return ""
            token = self._tokens.get(key)
            if token is None or token.expires < time.monotonic():
                token = self._tokens[key] = await self._prove(endpoint, request, challenge)
            return token.authorization

    async def credentials(self, endpoint: Endpoint) -> Credentials | None:
        """The credentials for an endpoint, looked up once. Raises ConfigError, FirkinError, KernelError."""
        if endpoint.host not in self._credentials:
            self._credentials[endpoint.host] = await self._lookup(endpoint.host)
        return self._credentials[endpoint.host]

    async def learn(self, endpoint: Endpoint, request: Request, reply: Reply, used: str) -> None:
        """Take in a 401, so that the request can be tried again. Raises RegistryAccessError if that is of no use."""
        key = (endpoint.url, request.scopes)
        async with self._locks[endpoint.url]:
            token = self._tokens.get(key)
            if token is not None and token.authorization != used:
                return
            if token is not None:
                del self._tokens[key]
            found = {
                challenge.scheme: challenge for challenge in challenges(reply.headers.getall("WWW-Authenticate", ()))
            }
            challenge = found.get("bearer") or found.get("basic")
            if challenge is None:
                asked = ", ".join(sorted(found)) or "nothing"
                raise protocol_error(request.what, reply.host, f"401, and asks for {asked} instead of Basic or Bearer")
            self._challenges[key] = challenge

    async def _prove(self, endpoint: Endpoint, request: Request, challenge: Challenge) -> _Token:
        credentials = await self.credentials(endpoint)
        if challenge.scheme == "basic":
            if credentials is None or not credentials.username:
                hint = f"log in to {endpoint.host}, as with docker login"
                raise access_error(request.what, endpoint.host, 401, "wants a name and a password", hint)
            return _Token(credentials.basic(), float("inf"))
        if credentials is not None and credentials.registry_token:
            return _Token(f"Bearer {credentials.registry_token}", float("inf"))
        return await self._fetch(endpoint, request, challenge, credentials)

    async def _fetch(
        self, endpoint: Endpoint, request: Request, challenge: Challenge, credentials: Credentials | None
    ) -> _Token:
        realm = _realm(endpoint, request.what, challenge)
        fields = [("service", service)] if (service := challenge.parameters.get("service")) else []
        scopes = dict.fromkeys((*challenge.parameters.get("scope", "").split(), *request.extra_scopes))
        scopes = scopes or dict.fromkeys(request.scopes)
        asked = _token_request(realm, request.what, fields, list(scopes), credentials)
        async with self._transport.exchange(endpoint, asked) as reply:
            if reply.status != 200:
                raise await refusal(reply, f"{request.what}: token")
            body = await reply.read(MOST_TOKEN)
        return _decode(body, f"{request.what}: token", reply.host)


def _realm(endpoint: Endpoint, what: str, challenge: Challenge) -> URL:
    text = challenge.parameters.get("realm", "")
    try:
        realm = URL(text)
    except ValueError:
        realm = URL()
    if realm.scheme not in ("http", "https") or not realm.host or realm.user is not None:
        reason = f"sends for a token to {text[:200]!r}, which is not http[s]://HOST/PATH"
        raise protocol_error(what, endpoint.host, reason)
    if realm.scheme == "http" and not endpoint.is_plain:
        raise protocol_error(what, endpoint.host, f"sends for a token to {text[:200]!r}, without TLS")
    return realm.with_fragment(None)


def _token_request(
    realm: URL, what: str, fields: list[tuple[str, str]], scopes: list[str], credentials: Credentials | None
) -> Request:
    what = f"{what}: token"
    if credentials is not None and credentials.identity_token:
        form = [
            *fields,
            ("client_id", _CLIENT),
            ("grant_type", "refresh_token"),
            ("refresh_token", credentials.identity_token),
            ("scope", " ".join(scopes)),
        ]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", realm, what, headers=headers, body=urlencode(form).encode())
    query = [*realm.query.items(), *fields, *(("scope", scope) for scope in scopes)]
    if credentials is None or not credentials.username:
        return Request("GET", realm.with_query(query), what)
    query.append(("account", credentials.username))
    return Request("GET", realm.with_query(query), what, headers={"Authorization": credentials.basic()})


def _decode(body: bytes, what: str, host: str) -> _Token:
    try:
        answer = parse(body, what)
    except ConfigError as error:
        raise protocol_error(what, host, f"answers with no JSON: {error.reason}") from None
    fields = answer if isinstance(answer, dict) else {}
    token = fields.get("token") or fields.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise protocol_error(what, host, "answers with no token")
    seconds = fields.get("expires_in")
    lifetime = float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e9 else _SHORTEST
    return _Token(f"Bearer {token}", time.monotonic() + max(lifetime - _MARGIN, lifetime / 2))
