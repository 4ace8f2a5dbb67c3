"""Tokens, redirects, proxies and mirrors that lie or lead astray."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from firkin.errors import RegistryAccessError, RegistryError, RegistryMissingError
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import Credentials, anonymous
from firkin.oci.store.content import ContentStore
from tests.support.certificates import Authority
from tests.support.hostile_server import Answer, Asked, HostileServer, http
from tests.support.lies import (
    EMPTY,
    LAYER,
    OCI,
    QUICK,
    always,
    ask,
    describe,
    fetch,
    get_manifest,
    manifest,
    meet,
    ranged,
    refused,
)


class TokenServer:
    """A registry that wants a token, and its token server, in one."""

    def __init__(self, *, body: bytes = b'{"token":"t1","expires_in":300}', realm: str = "") -> None:
        self.body = body
        self.realm = realm

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        realm = self.realm or f"http://{asked.headers['host']}/token"
        if asked.path == "/token":
            writer.write(http(200, self.body))
        elif asked.headers.get("authorization") == "Bearer t1":
            writer.write(http(200, manifest(), Content_Type=OCI))
        else:
            scope = "repository:cellar/app:pull"
            challenge = f'Bearer realm="{realm}",service="cellar, \\"the\\" registry",scope="{scope}"'
            writer.write(http(401, WWW_Authenticate=challenge))


def test_a_token_is_fetched_once_for_all_requests() -> None:
    async def question(client: Registry, reference: Reference) -> None:
        await asyncio.gather(*(client.manifest(reference) for _ in range(3)))
        await client.manifest(reference)

    _, server = ask(TokenServer(), question, credentials=Credentials("cooper", "oak"))
    tokens = [asked for asked in server.asked if asked.path == "/token"]
    assert len(tokens) == 1
    query = parse_qs(urlsplit(tokens[0].target).query)
    assert query["service"] == ['cellar, "the" registry'] and query["scope"] == ["repository:cellar/app:pull"]
    assert tokens[0].headers["authorization"] == "Basic " + base64.b64encode(b"cooper:oak").decode()


def test_an_identity_token_is_exchanged_in_the_body_of_a_post() -> None:
    answer = TokenServer(body=b'{"access_token":"t1"}')
    _, server = ask(answer, get_manifest, credentials=Credentials(identity_token="refresh me"))
    token = next(asked for asked in server.asked if asked.path == "/token")
    form = parse_qs(token.body.decode())
    assert token.method == "POST" and "refresh" not in token.target
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["refresh me"])


def test_a_token_that_is_not_accepted_is_renewed_once() -> None:
    wrong = TokenServer(body=b'{"token":"t2"}')
    refused(wrong, get_manifest, "the credentials are not accepted", credentials=Credentials("cooper", "pine"))
    refused(wrong, get_manifest, "answers 401 .log in to 127.0.0.1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "answers with no token"),
        (b'{"token":"a\\r\\nX: b"}', "answers with no token"),
        (b"<html>", "answers with no JSON"),
        (b" " * (2 << 20), "more than the 1048576"),
    ],
)
def test_a_token_server_that_gives_none_is_named(body: bytes, reason: str) -> None:
    refused(TokenServer(body=body), get_manifest, f"token: 127.*{reason}")


def test_a_token_server_that_redirects_away_gets_no_password() -> None:
    async def run() -> None:
        async with HostileServer(always(http(200, b'{"token":"t1"}'))) as thief:

            async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
                if asked.path == "/token":
                    writer.write(http(302, Location=f"http://{thief.host}/"))
                else:
                    await TokenServer()(asked, writer)

            await meet(answer, get_manifest, credentials=Credentials("cooper", "oak"))
            assert len(thief.asked) == 1 and "authorization" not in thief.asked[0].headers

    asyncio.run(run())


def test_a_redirect_to_another_host_carries_no_authorization(store: ContentStore) -> None:
    layer = describe(LAYER)

    async def run() -> None:
        async with HostileServer(ranged(LAYER, len(LAYER))) as blobs:

            async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
                if asked.headers.get("authorization"):
                    writer.write(http(307, Location=f"http://{blobs.host}/blob?signature=a%2Fb%3D%7E"))
                else:
                    writer.write(http(401, WWW_Authenticate='Basic realm="cellar"'))

            await meet(answer, fetch(store, layer), credentials=Credentials("cooper", "oak"))
            assert [asked.target for asked in blobs.asked] == ["/blob?signature=a%2Fb%3D%7E"]
            assert "authorization" not in blobs.asked[0].headers

    asyncio.run(run())
    assert store.has(layer.digest)


def test_another_host_can_not_ask_for_credentials(store: ContentStore) -> None:
    async def run() -> None:
        async with HostileServer(TokenServer()) as thief:
            redirect = always(http(307, Location=f"http://{thief.host}/blob"))
            with pytest.raises(RegistryAccessError, match=f"{thief.host}: answers 401"):
                await meet(redirect, fetch(store, describe(LAYER)), credentials=Credentials("cooper", "oak"))
            assert [asked.path for asked in thief.asked] == ["/blob"]

    asyncio.run(run())


def test_whoever_is_left_by_a_redirect_is_not_trusted_on_the_way_back() -> None:
    home: list[str] = []
    seen: list[str | None] = []

    async def back(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(http(307, Location=f"http://{home[0]}/back"))

    async def run() -> None:
        async with HostileServer(back) as other:

            async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
                home.append(asked.headers["host"])
                if asked.path == "/back":
                    seen.append(asked.headers.get("authorization"))
                    writer.write(http(200, manifest(), Content_Type=OCI))
                elif asked.headers.get("authorization"):
                    writer.write(http(307, Location=f"http://{other.host}/"))
                else:
                    writer.write(http(401, WWW_Authenticate="Basic"))

            await meet(answer, get_manifest, credentials=Credentials("cooper", "oak"))

    asyncio.run(run())
    assert seen == [None]


@pytest.mark.requires("openssl")
def test_tls_is_not_left_for_a_redirect_or_a_token(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.sign("registry.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    cases = {
        http(302, Location="http://127.0.0.1/"): "redirects to 'http://127.0.0.1/', without TLS",
        http(
            401, WWW_Authenticate='Bearer realm="http://127.0.0.1/"'
        ): "for a token to 'http://127.0.0.1/', without TLS",
    }

    async def run(data: bytes, hosts: Path) -> None:
        async with HostileServer(always(data), context) as server:
            (hosts / server.host).mkdir(parents=True)
            text = f'server = "https://{server.host}"\nca = "{authority.certificate}"\n'
            (hosts / server.host / "hosts.toml").write_text(text)
            async with open_registry(credentials=anonymous, hosts_directory=str(hosts), limits=QUICK) as client:
                await client.manifest(parse_reference(f"{server.host}/cellar/app:1"))

    for number, (data, reason) in enumerate(cases.items()):
        with pytest.raises(RegistryError, match=reason):
            asyncio.run(run(data, tmp_path / f"hosts{number}"))


def configured(place: Path, text: str) -> str:
    """A directory of hosts that knows registry.example."""
    (place / "registry.example").mkdir(parents=True, exist_ok=True)
    (place / "registry.example/hosts.toml").write_text(text)
    return str(place)


def test_a_proxy_is_asked_for_other_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = configured(tmp_path, 'server = "http://registry.example"\n')

    async def run() -> HostileServer:
        async with HostileServer(always(http(200, manifest(), Content_Type=OCI))) as proxy:
            monkeypatch.setenv("http_proxy", f"http://cooper:oak@{proxy.host}")
            async with open_registry(credentials=anonymous, hosts_directory=hosts, limits=QUICK) as client:
                await client.manifest(parse_reference("registry.example/app:1"))
            return proxy

    (asked,) = asyncio.run(run()).asked
    assert asked.target == "http://registry.example/v2/app/manifests/1"
    assert asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"cooper:oak").decode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(http(407), "the proxy answers 407"), (http(502), "the proxy answers 502"), (b"", "closes the connection")],
)
def test_a_proxy_that_gives_no_tunnel_is_named(monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str) -> None:
    async def run() -> None:
        async with HostileServer(always(data)) as proxy:
            monkeypatch.setenv("https_proxy", f"http://{proxy.host}")
            async with open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=QUICK) as client:
                await client.manifest(parse_reference("registry.example/app:1"))

    with pytest.raises(RegistryError, match=f"manifest registry.example/app:1: registry.example: {reason}"):
        asyncio.run(run())


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    async def run() -> None:
        async with open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=QUICK) as client:
            await client.manifest(parse_reference("registry.example/app:1"))

    with pytest.raises(RegistryError, match="the proxy can not be reached: connection refused"):
        asyncio.run(run())


def mirrored(
    tmp_path: Path, mirror: Answer, server: Answer, question: Callable[[Registry, Reference], Awaitable[Any]]
) -> tuple[HostileServer, HostileServer]:
    """A question about registry.example, which has a mirror for content."""

    async def run() -> tuple[HostileServer, HostileServer]:
        async with HostileServer(mirror) as first, HostileServer(server) as last:
            entry = f'[host."http://{first.host}"]\ncapabilities = ["pull"]\n'
            entry += f'[host."http://{first.host}".header]\nx-cellar = "1"\n'
            hosts = configured(tmp_path / "hosts", f'server = "http://{last.host}"\n{entry}')
            async with open_registry(credentials=anonymous, hosts_directory=hosts, limits=QUICK) as client:
                await question(client, parse_reference("registry.example/cellar/app:1"))
            return first, last

    return asyncio.run(run())


def test_a_mirror_that_lies_is_replaced_by_the_registry(tmp_path: Path, store: ContentStore) -> None:
    layer = describe(LAYER)
    wrong = always(http(200, bytes(len(LAYER))))
    mirror, server = mirrored(tmp_path, wrong, ranged(LAYER, len(LAYER)), fetch(store, layer))
    assert store.read(layer.digest, layer.size) == LAYER
    assert mirror.asked[0].target.endswith("?ns=registry.example") and mirror.asked[0].headers["x-cellar"] == "1"
    assert "range" not in server.asked[0].headers and "x-cellar" not in server.asked[0].headers


def test_a_mirror_for_content_is_not_asked_what_a_tag_stands_for(tmp_path: Path) -> None:
    good = always(http(200, manifest(), Content_Type=OCI))
    mirror, server = mirrored(tmp_path, good, good, get_manifest)
    assert (len(mirror.asked), len(server.asked)) == (0, 1)
    digest = describe(manifest()).digest

    async def by_digest(client: Registry, reference: Reference) -> None:
        await client.manifest(reference._replace(digest=digest))

    mirror, server = mirrored(tmp_path, good, good, by_digest)
    assert (len(mirror.asked), len(server.asked)) == (1, 0)


def test_the_registry_itself_has_the_last_word_on_what_is_missing(tmp_path: Path) -> None:
    async def question(client: Registry, reference: Reference) -> None:
        wanted = reference._replace(digest=EMPTY)
        for _ in range(2):
            with pytest.raises(RegistryMissingError, match=r"answers 404.*its mirror 127.*closes the connection"):
                await client.manifest(wanted)

    mirror, server = mirrored(tmp_path, always(b""), always(http(404)), question)
    assert mirror.asked and len(server.asked) == 2
