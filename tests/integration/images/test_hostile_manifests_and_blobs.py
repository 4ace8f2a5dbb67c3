"""What a server sends that is not what it should be: each lie is one line that names the server and the image."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
from pathlib import Path

import pytest

from firkin.errors import ImageError, RegistryError
from firkin.oci.image.manifest import MOST_METADATA, Descriptor, Platform
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import anonymous
from firkin.oci.registry.download import download
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.ranges import LARGE, PART
from firkin.oci.registry.request import Request
from firkin.oci.store.content import ContentStore
from tests.support.hostile_server import Answer, Asked, HostileServer, http
from tests.support.lies import (
    EMPTY,
    IMPATIENT,
    INDEX,
    LAYER,
    OCI,
    QUICK,
    always,
    ask,
    describe,
    fetch,
    get_manifest,
    manifest,
    ranged,
    refused,
    silent,
)

_ARM = {"mediaType": OCI, "digest": EMPTY, "size": 2, "platform": {"os": "linux", "architecture": "arm64"}}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (http(200, b"<html>", Content_Type="text/html"), "Content-Type 'text/html' is no manifest"),
        (
            http(200, b"{}", Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "schema 1 are not",
        ),
        (http(200, b"{", Content_Type=OCI), "can not be read: manifest: line 1 column 2"),
        (http(200, b"[]", Content_Type=OCI), "is not an object"),
        (http(200, manifest(), Content_Type=INDEX), "mediaType .*manifest.* is not the Content-Type .*index"),
        (http(200, manifest(manifests=[]), Content_Type=OCI), "with manifests is ambiguous"),
        (http(200, manifest(), Content_Type=OCI, Docker_Content_Digest=EMPTY), "Docker-Content-Digest says"),
        (http(200, manifest(), Content_Type=OCI, Docker_Content_Digest="md5:../.."), "'md5:../..' is no digest"),
        (http(200, b"", Content_Type=OCI, Content_Length=str(1 << 50)), "wants to send 1125899906842624 bytes"),
        (http(200, gzip.compress(manifest()), Content_Type=OCI, Content_Encoding="gzip"), "Content-Encoding 'gzip'"),
        (http(302), "does not say where to"),
        (http(302, Location="file:///etc/passwd"), "'file:///etc/passwd', which is not http"),
        (http(302, Location="http://a:b@127.0.0.1/"), "which is not http"),
        (http(302, Location="http://[::1/"), "which is no address"),
        (http(302, Location="http://127.0.0.1:99999/"), "which is no address"),
        (http(302, Location="/a b"), "which is no address"),
        (http(302, Location=f"http://{'a' * 300}/"), "a{300}: can not be reached: that is no name"),
        (http(302, Location="/v2/"), "more than 5 times"),
        (http(401), "asks for nothing instead"),
        (http(401, WWW_Authenticate="Negotiate"), "asks for negotiate instead"),
        (http(401, WWW_Authenticate='Bearer realm="file:///etc/passwd"'), "'file:///etc/passwd', which is not http"),
        (http(401, WWW_Authenticate='Bearer realm="gopher://127.0.0.1/"'), "which is not http"),
        (http(401, WWW_Authenticate="Bearer"), "for a token to ''"),
        (
            http(403, b'{"errors":[{"code":"DENIED","message":"no\\u001b[2J\\nway"}]}'),
            r"answers 403: DENIED no\?\[2J way",
        ),
        (http(404, b"x" * 100_000), "answers 404"),
        (http(418), "answers 418"),
        (http(500), "answers 500"),
        (http(429, Retry_After="3600"), "answers 429.*limits how much"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)) + b"\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "is not HTTP"),
        (b"", "closes the connection before"),
        (http(200, b"{", Content_Type=OCI, Content_Length="100"), "closes the connection before"),
        (http(200, b"zz\r\n", Content_Type=OCI, Transfer_Encoding="chunked"), "closes the connection|is not HTTP"),
    ],
)
def test_an_answer_that_is_no_manifest_is_refused(data: bytes, reason: str) -> None:
    refused(always(data), get_manifest, reason)


def test_a_manifest_by_digest_is_verified() -> None:
    wanted = describe(b"{}", OCI)
    body = http(200, manifest(), Content_Type=OCI)
    refused(
        always(body),
        lambda client, reference: client.manifest(reference._replace(digest=wanted.digest)),
        f"{wanted.digest} was asked for",
    )
    true = describe(manifest(), OCI)
    lying = Descriptor(media_type=OCI, digest=true.digest, size=true.size + 1)
    refused(
        always(body), lambda client, reference: client.manifest(reference, lying), f"its descriptor says {lying.size}"
    )


def test_an_index_without_the_platform_tells_what_there_is() -> None:
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [_ARM]}).encode()
    with pytest.raises(ImageError, match=r"no image for linux/s390x \(there are linux/arm64"):
        ask(
            always(http(200, index, Content_Type=INDEX)),
            lambda client, reference: client.image(reference, Platform(os="linux", architecture="s390x")),
        )


async def endless(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A body that does not end."""
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {OCI}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    piece = b"%x\r\n" % (1 << 16) + b" " * (1 << 16) + b"\r\n"
    while True:
        writer.write(piece)
        await writer.drain()


def test_an_endless_body_is_read_to_its_limit(store: ContentStore) -> None:
    refused(endless, get_manifest, f"more than the {MOST_METADATA} bytes that are read")
    refused(endless, fetch(store, describe(LAYER)), f"sends more than the {len(LAYER)} bytes")


def trickling(head: bytes) -> Answer:
    """A byte now and then, after `head`."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        trickling(b"HTTP/1.1 200 OK\r\nX: "),
        trickling(http(200, Content_Type=OCI, Content_Length="100000")),
    ],
)
def test_a_server_that_takes_its_time_is_given_up(answer: Answer, store: ContentStore) -> None:
    for question in (get_manifest, fetch(store, describe(LAYER))):
        refused(answer, question, "sends nothing, or too slowly, for", limits=IMPATIENT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (http(200, LAYER + b"x"), f"wants to send {len(LAYER) + 1} bytes"),
        (http(200, b"X" + LAYER[1:]), "its bytes have the digest"),
        (http(200, LAYER[:-1]), f"ends 1 bytes before the {len(LAYER)}"),
        (http(200, gzip.compress(LAYER), Content_Encoding="gzip"), "Content-Encoding 'gzip', which was not asked"),
        (http(206, LAYER), "Content-Range '' is not from byte 0"),
        (http(206, LAYER, Content_Range=f"bytes 1-{len(LAYER)}/{len(LAYER)}"), "is not from byte 0"),
        (http(206, LAYER, Content_Range=f"bytes 0-{len(LAYER) - 1}/5"), "is not from byte 0"),
        (http(416), "answers 416"),
        (http(204), "answers 204"),
    ],
)
def test_a_blob_that_is_another_is_refused(store: ContentStore, data: bytes, reason: str) -> None:
    layer = describe(LAYER)
    refused(always(data), fetch(store, layer), reason)
    assert not store.has(layer.digest)


def test_a_configuration_in_memory_is_verified() -> None:
    true = describe(b"{}")
    cases = {b"[]": "with the digest", b"{} ": "more than the 2", b"": "sends 0 bytes"}
    for body, reason in cases.items():
        refused(always(http(200, body)), lambda client, reference: client.blob(reference, true, 100), reason)
    refused(always(http(200, b"{}")), lambda client, reference: client.blob(reference, true, 1), "more than the 1")
    assert ask(always(http(200, b"{}")), lambda client, reference: client.blob(reference, true, 2))[0] == b"{}"


def test_a_cut_blob_is_resumed_where_it_was_cut(store: ContentStore) -> None:
    layer = describe(LAYER)
    _, server = ask(ranged(LAYER, 100_000), fetch(store, layer))
    assert [asked.headers.get("range") for asked in server.asked] == [None, "bytes=100000-", "bytes=200000-"]
    assert store.read(layer.digest, layer.size) == LAYER


def test_a_server_that_ignores_ranges_starts_again(store: ContentStore) -> None:
    layer = describe(LAYER)
    lengths = iter((100_000, len(LAYER)))

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await ranged(LAYER, next(lengths), ignore_ranges=True)(asked, writer)

    _, server = ask(answer, fetch(store, layer))
    assert len(server.asked) == 2 and store.read(layer.digest, layer.size) == LAYER


def test_a_blob_that_never_gets_on_is_given_up_and_resumed_by_the_next_pull(store: ContentStore) -> None:
    layer = describe(LAYER)
    refused(ranged(LAYER, 10), fetch(store, layer), "closes the connection before")
    _, server = ask(ranged(LAYER, len(LAYER)), fetch(store, layer))
    assert [asked.headers.get("range") for asked in server.asked] == ["bytes=30-"]
    assert store.has(layer.digest)


def test_what_a_liar_left_is_not_gone_on_with_for_ever(store: ContentStore) -> None:
    layer = describe(LAYER)
    refused(ranged(bytes(len(LAYER)), 100), fetch(store, layer), "closes the connection before")
    _, server = ask(ranged(LAYER, len(LAYER)), fetch(store, layer))
    assert [asked.headers.get("range") for asked in server.asked] == ["bytes=300-", None]
    assert store.read(layer.digest, layer.size) == LAYER


def counted(data: bytes, *, knows_ranges: bool, fail: frozenset[int] = frozenset()) -> Answer:
    """Serves ranges of `data`; the answers with the numbers in `fail` are cut."""
    count = 0

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if not knows_ranges or "range" not in asked.headers:
            writer.write(http(200, data))
            return
        start, end = map(int, asked.headers["range"].removeprefix("bytes=").split("-"))
        part = data[start : end + 1]
        head = http(206, Content_Length=str(len(part)), Content_Range=f"bytes {start}-{end}/{len(data)}")
        writer.write(head + (part[:1000] if count in fail else part))

    return answer


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_large_blob_is_fetched_in_parts(store: ContentStore, knows_ranges: bool) -> None:
    data = random.Random(1).randbytes(LARGE + PART // 2)
    layer = describe(data)

    async def question(client: Registry, reference: Reference) -> None:
        endpoint = client.mirrors.able(reference.host, "pull")[0]
        request = Request("GET", endpoint.address(f"{reference.path}/blobs/{layer.digest}"), f"blob of {reference}")
        async with store.ingest(layer) as ingest:
            assert ingest is not None
            await download(client.caller, endpoint, request, layer, ingest, attempts=2, ranges=3)

    answer = counted(data, knows_ranges=knows_ranges, fail=frozenset({3, 9}))
    _, server = ask(answer, question, limits=Limits(delay=0.001))
    assert store.has(layer.digest)
    parts = {asked.headers.get("range") for asked in server.asked}
    assert len(parts) == (LARGE // PART + 1 if knows_ranges else 2)


def test_what_passes_is_tried_again(store: ContentStore) -> None:
    answers = [http(503), b"", http(429, Retry_After="0"), http(200, manifest(), Content_Type=OCI)]
    rest = iter(answers)

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(next(rest))

    (found, _), server = ask(answer, get_manifest, limits=Limits(attempts=4, delay=0.001))
    assert len(server.asked) == 4 and found == describe(manifest(), OCI)


def test_what_does_not_pass_is_not_tried_again() -> None:
    async def run() -> None:
        async with HostileServer(always(http(404))) as server:
            reference = parse_reference(f"{server.host}/cellar/app:1")
            async with open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=QUICK) as client:
                with pytest.raises(RegistryError):
                    await client.manifest(reference)
            assert len(server.asked) == 1

    asyncio.run(run())


@pytest.mark.parametrize("data", [b"", http(503)])
def test_an_attempt_is_one_request(data: bytes) -> None:
    """Also where the HTTP library would repeat what it takes for harmless."""

    async def run() -> None:
        async with HostileServer(always(data)) as server:
            reference = parse_reference(f"{server.host}/cellar/app:1")
            limits = Limits(attempts=2, delay=0.001)
            async with open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=limits) as client:
                for question in (client.manifest, client.delete):
                    server.asked.clear()
                    with pytest.raises(RegistryError):
                        await question(reference._replace(digest=EMPTY))
                    assert len(server.asked) == 2

    asyncio.run(run())


def test_a_connection_is_waited_for_as_long_as_is_configured(tmp_path: Path) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # The queue is full then, and the kernel answers no further one.
        for other in (first, second):
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        (tmp_path / host).mkdir()
        (tmp_path / host / "hosts.toml").write_text('dial_timeout = "100ms"\n')

        async def run() -> None:
            limits = Limits(connect=3600, silence=3600, attempts=1)
            async with open_registry(credentials=anonymous, hosts_directory=str(tmp_path), limits=limits) as client:
                await client.manifest(parse_reference(f"{host}/cellar/app:1"))

        with pytest.raises(RegistryError, match=f"{host}: can not be reached in time"):
            asyncio.run(run())


def test_nobody_listens() -> None:
    async def question(client: Registry, reference: Reference) -> None:
        await client.manifest(Reference("127.0.0.1:1", "cellar/app", "1"))

    refused(always(b""), question, "127.0.0.1:1: can not be reached: connection refused")


def test_a_host_without_an_address_is_named_at_once() -> None:
    async def question(client: Registry, reference: Reference) -> None:
        await client.manifest(Reference("registry.invalid", "cellar/app", "1"))

    with pytest.raises(RegistryError, match=r"registry\.invalid: can not be reached: "):
        ask(always(b""), question)
