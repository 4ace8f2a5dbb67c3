"""Who comes in, and by what certificate the server is known."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest

from firkin.errors import ConfigError, StateError
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.http.server import Server
from firkin.kubelet.server.authentication import Authentication, tls_context
from firkin.kubelet.server.certificate import own_certificate
from firkin.kubelet.server.settings import ServerSettings, server_faults
from tests.support.certificates import Authority, Pair

TOKEN = "0123456789abcdef"


def settings(place: Path, **more: object) -> ServerSettings:
    token = place / "token"
    token.write_text(TOKEN)
    return ServerSettings(token_file=str(token), **more)  # type: ignore[arg-type]


def bearing(token: str) -> Request:
    return Request("GET", "/", {"authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, "token"),
        ({"authorization": f"bearer  {TOKEN} "}, "token"),
        ({"authorization": f"Basic {TOKEN}"}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "Bearer 0123456789abcdeg"}, None),
        ({"authorization": "Bearer \u00fc"}, None),
        ({}, None),
    ],
)
def test_the_token(tmp_path: Path, headers: dict[str, str], who: str | None) -> None:
    assert Authentication(settings(tmp_path)).who(Request("GET", "/", headers)) == who


def test_a_token_is_replaced_while_the_server_runs(tmp_path: Path) -> None:
    door = Authentication(settings(tmp_path))
    new = tmp_path / "new"
    new.write_text("another token of some length\n")
    new.rename(tmp_path / "token")
    assert door.who(bearing(TOKEN)) is None
    assert door.who(bearing("another token of some length")) == "token"
    (tmp_path / "token").unlink()
    assert door.who(bearing("another token of some length")) == "token"


def test_without_a_token_none_is_the_right_one() -> None:
    door = Authentication(ServerSettings(client_ca="/ca"))
    assert door.who(bearing("")) is None
    assert door.who(Request("GET", "/", {"authorization": "Bearer"})) is None


@pytest.mark.parametrize(("text", "reason"), [("short", "less than 16 bytes"), (None, "No such file")])
def test_a_token_that_can_not_be_used(tmp_path: Path, text: str | None, reason: str) -> None:
    wrong = settings(tmp_path)
    if text is None:
        (tmp_path / "token").unlink()
    else:
        (tmp_path / "token").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        Authentication(wrong)


def ask(chosen: ServerSettings, server: Pair, client: Pair | None) -> str:
    """Who a server takes a client with a certificate for; "refused" if it does not shake its hand."""

    async def say(request: Request) -> Answer:
        return Response(200, (Authentication(chosen).who(request) or "nobody").encode())

    async def talk() -> str:
        serving = Server(say)
        port = await serving.listen_tcp("127.0.0.1", 0, tls_context(chosen, str(server.certificate), str(server.key)))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        if client is not None:
            tls.load_cert_chain(client.certificate, client.key)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer.rpartition(b"\r\n\r\n")[2].decode() or "refused"
        except (ssl.SSLError, ConnectionError):
            return "refused"
        finally:
            await serving.close()

    return asyncio.run(talk())


def test_certificates_of_the_authority_come_in_by_their_names(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    server = authority.sign("node")
    chosen = settings(tmp_path, client_ca=str(authority.certificate))
    assert ask(chosen, server, authority.sign("admin")) == "admin"
    assert ask(chosen, server, None) == "nobody"
    assert ask(chosen, server, other.sign("admin")) == "refused"
    named = settings(tmp_path, client_ca=str(authority.certificate), client_names=("monitor",))
    assert ask(named, server, authority.sign("admin")) == "nobody"
    assert ask(named, server, authority.sign("monitor")) == "monitor"


def test_the_certificate_that_it_makes_itself_is_kept_and_nobody_else_reads_it(tmp_path: Path) -> None:
    async def make() -> Path:
        return Path(await own_certificate(str(tmp_path / "pki"), "node", ("192.0.2.1", "2001:db8::1")))

    path = asyncio.run(make())
    assert os.listdir(tmp_path / "pki") == ["kubelet.pem"]
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert asyncio.run(make()).read_bytes() == before
    found = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    names = {name for _, name in found["subjectAltName"]}
    assert {"node", "localhost", "127.0.0.1", "192.0.2.1"} <= names
    tls_context(ServerSettings(), str(path), "")
    path.write_bytes(b"rubbish")
    assert asyncio.run(make()).read_bytes() != b"rubbish"


def test_without_the_program_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StateError, match="no program openssl"):
        asyncio.run(own_certificate(str(tmp_path), "node", ()))


def test_what_can_not_be_used_is_named(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "ca").sign("node")
    with pytest.raises(ConfigError, match=r"kubelet.server.certificate: /none"):
        tls_context(ServerSettings(), "/none", "")
    wrong = ServerSettings(client_ca=str(pair.key))
    with pytest.raises(ConfigError, match=r"kubelet.server.client_ca: .*node.key"):
        tls_context(wrong, str(pair.certificate), str(pair.key))
    faulty = ServerSettings(port=70000, certificate="c", client_names=("x",))
    assert [one.partition(":")[0] for one in server_faults(faulty)] == [
        "kubelet.server.port", "kubelet.server", "kubelet.server.client_names", "kubelet.server.certificate",
    ]  # fmt: skip
    assert list(server_faults(ServerSettings())) == []
    assert not ServerSettings().is_open
