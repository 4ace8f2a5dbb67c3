"""Lists of tags, uploads, and several blobs at once, with a server that lies."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from firkin.errors import ImageError, RegistryError
from firkin.oci.image.manifest import Descriptor
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import anonymous
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.push import Pusher
from firkin.oci.store.content import ContentStore
from tests.support.hostile_server import Asked, http
from tests.support.lies import (
    EMPTY,
    IMPATIENT,
    LAYER,
    OCI,
    QUICK,
    Question,
    always,
    ask,
    describe,
    manifest,
    refused,
    silent,
)


def test_a_failed_blob_ends_the_others(store: ContentStore) -> None:
    layers = [describe(bytes([number])) for number in range(5)]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if layers[1].digest in asked.path:
            writer.write(http(404))
        elif layers[0].digest in asked.path:
            await silent(asked, writer)

    async def question(client: Registry, reference: Reference) -> None:
        await client.fetch_all(reference, layers, store, parallel=2)

    error = refused(answer, question, "answers 404", limits=Limits(silence=600, whole=600))
    assert layers[1].digest[:19] in str(error) and store.drop_ingests() == 0


def test_what_a_head_does_not_tell_the_document_does() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = b"" if asked.method == "HEAD" else manifest()
        writer.write(http(200, body, Content_Type=OCI))

    found, server = ask(answer, lambda client, reference: client.resolve(reference))
    assert found == describe(manifest(), OCI) and [asked.method for asked in server.asked] == ["HEAD", "GET"]


def all_tags(client: Registry, reference: Reference) -> Coroutine[Any, Any, list[str]]:
    async def run() -> list[str]:
        return [tag async for tag in client.tags(reference)]

    return run()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (http(200, b'{"tags":["a"]}', Link='</v2/cellar/app/tags/list?n=1000>; rel="next"'), "pages in a circle"),
        (http(200, b'{"tags":[]}', Link='</x>; rel="next"'), "without tags"),
        (http(200, b'{"tags":["a"]}', Link='<http://127.0.0.2:1/>; rel="next"'), "on another host"),
        (http(200, b'{"tags":["a"]}', Link='<file:///etc/passwd>; rel="next"'), "which is not http"),
        (http(200, b'{"tags":["a/../b"]}'), "'a/../b' is not a tag"),
        (http(200, b'{"tags":{}}'), "without tags"),
        (http(200, b"<html>"), "can not be read"),
    ],
)
def test_a_list_of_tags_that_is_none_is_refused(data: bytes, reason: str) -> None:
    refused(always(data), all_tags, reason)


def test_tags_follow_the_links_of_the_registry() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "last=b" in asked.target:
            writer.write(http(200, b'{"tags":["c"]}'))
        else:
            link = "</v2/cellar/app/tags/list?n=2&last=b>; rel=next"
            writer.write(http(200, b'{"tags":["a","b"]}', Link=link))

    assert ask(answer, all_tags)[0] == ["a", "b", "c"]


class Uploads:
    """Takes uploads of one blob. `fail` are the numbers of the PATCH requests that are cut after `keep` bytes."""

    def __init__(
        self, *, fail: frozenset[int] = frozenset(), keep: int = 0, location: str = "/upload?state=a%2Fb"
    ) -> None:
        self.got = b""
        self.fail = fail
        self.keep = keep
        self.location = location
        self.patches = 0

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            writer.write(http(404))
        elif asked.method == "POST":
            writer.write(http(202, Location=self.location))
        elif asked.method == "GET":
            writer.write(http(204, Location=self.location, Range=f"0-{max(0, len(self.got) - 1)}"))
        elif asked.method == "PATCH":
            self.patches += 1
            if self.patches in self.fail:
                self.got += asked.body[: self.keep]
                return
            assert asked.headers["content-range"].split("-")[0] == str(len(self.got))
            self.got += asked.body
            writer.write(http(202, Location=self.location, Range=f"0-{len(self.got) - 1}"))
        else:
            self.got += asked.body
            assert parse_qs(urlsplit(asked.target).query)["digest"]
            writer.write(http(201))


def push(path: Path, chunk: int) -> Question:
    path.write_bytes(LAYER)

    async def run(client: Registry, reference: Reference) -> bool:
        with path.open("rb") as file:
            return await Pusher(client, reference, chunk=chunk).blob(describe(LAYER), file.fileno())

    return run


@pytest.mark.parametrize("keep", [0, 1000])
def test_a_cut_upload_goes_on_from_what_arrived(tmp_path: Path, keep: int) -> None:
    uploads = Uploads(fail=frozenset({2, 3}), keep=keep)
    sent, server = ask(uploads, push(tmp_path / "layer", 100_000))
    assert sent and uploads.got == LAYER
    assert all("state=a%2Fb" in asked.target for asked in server.asked if asked.method in ("PATCH", "PUT"))


def test_a_small_blob_is_sent_in_one_request(tmp_path: Path) -> None:
    uploads = Uploads()
    _, server = ask(uploads, push(tmp_path / "layer", 1 << 20))
    assert uploads.got == LAYER and [asked.method for asked in server.asked] == ["HEAD", "POST", "PUT"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_blob_that_can_not_be_mounted_is_sent(tmp_path: Path, status: int) -> None:
    uploads = Uploads()

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "mount=" in asked.target:
            writer.write(http(status, WWW_Authenticate="Basic"))
        else:
            await uploads(asked, writer)

    path = tmp_path / "layer"
    path.write_bytes(LAYER)

    async def question(client: Registry, reference: Reference) -> bool:
        with path.open("rb") as file:
            return await Pusher(client, reference).blob(describe(LAYER), file.fileno(), mount_from="other/app")

    sent, server = ask(answer, question)
    assert sent and uploads.got == LAYER
    assert [asked.method for asked in server.asked] == ["HEAD", "POST", "POST", "PUT"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [("", "does not say where to"), ("file:///etc/passwd", "which is not http"), ("ftp://127.0.0.1/x", "is not http")],
)
def test_an_upload_is_sent_to_no_other_scheme(tmp_path: Path, location: str, reason: str) -> None:
    refused(Uploads(location=location), push(tmp_path / "layer", 1 << 20), reason)


@pytest.mark.parametrize("chunk", [100_000, 1 << 30])
def test_a_refusal_while_a_body_is_sent_is_told(tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(32 << 20)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        try:
            if not head.startswith((b"PUT", b"PATCH")):
                writer.write(http(404) if head.startswith(b"HEAD") else http(202, Location="/upload", Range="0-0"))
                await writer.drain()
                return
            writer.write(http(413))
            # Closed at once, the kernel might throw the answer away with what was not read.
            with suppress(ConnectionError):
                while await reader.read(1 << 16):
                    pass
        finally:
            writer.close()

    async def run() -> None:
        blob = Descriptor(media_type="application/octet-stream", digest=EMPTY, size=32 << 20)
        async with (
            await asyncio.start_server(refuse, "127.0.0.1", 0) as server,
            open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=QUICK) as client,
        ):
            reference = parse_reference(f"127.0.0.1:{server.sockets[0].getsockname()[1]}/cellar/app:1")
            with path.open("rb") as file:
                await Pusher(client, reference, chunk=chunk).blob(blob, file.fileno())

    with pytest.raises(RegistryError, match="answers 413"):
        asyncio.run(run())


def test_a_blob_that_got_shorter_is_not_the_fault_of_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(LAYER[:-1])

    async def question(client: Registry, reference: Reference) -> None:
        with path.open("rb") as file:
            await Pusher(client, reference).blob(describe(LAYER), file.fileno())

    with pytest.raises(ImageError, match=f"the file ends at byte {len(LAYER) - 1}"):
        ask(Uploads(), question)


def test_a_registry_that_tells_more_than_was_sent_is_refused(tmp_path: Path) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "PATCH":
            writer.write(http(202, Location="/upload", Range="0-999999999"))
        else:
            await Uploads()(asked, writer)

    refused(answer, push(tmp_path / "layer", 100_000), "Range '0-999999999' is not what was sent")


def test_a_server_that_takes_no_bytes_is_given_up(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)

    async def run() -> None:
        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"PUT"):
                try:
                    await done.wait()
                finally:
                    writer.transport.abort()
            else:
                writer.write(http(404) if head.startswith(b"HEAD") else http(202, Location="/upload"))
                writer.close()

        done = asyncio.Event()
        blob = Descriptor(media_type="application/octet-stream", digest=EMPTY, size=64 << 20)
        async with (
            await asyncio.start_server(deaf, "127.0.0.1", 0) as server,
            open_registry(credentials=anonymous, hosts_directory="/nonexistent", limits=IMPATIENT) as client,
        ):
            reference = parse_reference(f"127.0.0.1:{server.sockets[0].getsockname()[1]}/cellar/app:1")
            pusher = Pusher(client, reference, chunk=1 << 30)
            with large.open("rb") as file, pytest.raises(RegistryError, match="sends nothing, or too slowly"):
                await pusher.blob(blob, file.fileno())
            done.set()

    asyncio.run(run())
