"""Asking a server that lies, and what is to be said of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firkin.errors import FirkinError, ImageError
from firkin.oci.image.manifest import Descriptor
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import Credentials, anonymous, only_for
from firkin.oci.registry.limits import Limits
from firkin.oci.store.content import ContentStore
from tests.support.hostile_server import Answer, Asked, HostileServer, http

__all__ = [
    "EMPTY",
    "IMPATIENT",
    "INDEX",
    "LAYER",
    "OCI",
    "QUICK",
    "Question",
    "always",
    "ask",
    "describe",
    "fetch",
    "get_manifest",
    "manifest",
    "meet",
    "ranged",
    "refused",
    "silent",
]

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()
LAYER = bytes(range(256)) * 1024
QUICK = Limits(attempts=3, mirror_attempts=1, delay=0.001, longest=1)
# For servers that say nothing; all others get the time that a busy machine needs.
IMPATIENT = Limits(silence=0.3, whole=1, attempts=2, delay=0.001)

Question = Callable[[Registry, Reference], Awaitable[Any]]


def describe(data: bytes, media_type: str = "application/vnd.oci.image.layer.v1.tar") -> Descriptor:
    """A true descriptor."""
    return Descriptor(media_type=media_type, digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))


def manifest(**more: object) -> bytes:
    """An image without layers."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": EMPTY, "size": 0}
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [], **more}).encode()


def always(data: bytes) -> Answer:
    """The same bytes for every request."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


async def meet(answer: Answer, question: Question, *, credentials: Any = anonymous, limits: Limits = QUICK) -> Any:
    """What a client is answered, and the server that it asked."""
    async with HostileServer(answer) as server:
        reference = parse_reference(f"{server.host}/cellar/app:1")
        lookup = only_for(server.host, credentials) if isinstance(credentials, Credentials) else credentials
        async with open_registry(credentials=lookup, hosts_directory="/nonexistent", limits=limits) as client:
            return await question(client, reference), server


def ask(answer: Answer, question: Question, **options: Any) -> tuple[Any, HostileServer]:
    """As `meet`, and done."""
    return asyncio.run(meet(answer, question, **options))  # type: ignore[no-any-return]


def refused(answer: Answer, question: Question, reason: str, **options: Any) -> FirkinError:
    """The error, which is one line about the server and the image."""
    with pytest.raises(FirkinError, match=reason) as raised:
        ask(answer, question, **options)
    text = str(raised.value)
    assert "cellar/app" in text and "127.0.0.1:" in text and text.isprintable() and len(text) < 600, text
    assert isinstance(raised.value, ImageError)
    return raised.value


def get_manifest(client: Registry, reference: Reference) -> Awaitable[Any]:
    return client.manifest(reference)


def fetch(store: ContentStore, layer: Descriptor) -> Question:
    return lambda client, reference: client.fetch(reference, layer, store)


async def silent(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.get_running_loop().create_future()


def ranged(data: bytes, most: int, *, ignore_ranges: bool = False) -> Answer:
    """Serves `data`, and cuts each connection after `most` bytes of it."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        start = int(asked.headers.get("range", "bytes=0-")[6:].split("-")[0])
        if start and not ignore_ranges:
            rest = data[start:]
            head = http(206, Content_Length=str(len(rest)), Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")
            writer.write(head + rest[:most])
        else:
            writer.write(http(200, Content_Length=str(len(data))) + data[:most])

    return answer
