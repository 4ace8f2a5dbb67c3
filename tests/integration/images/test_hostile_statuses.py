"""Every status that a server may refuse with, whatever it is asked: one line, the right class, and no second try."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from firkin.errors import RegistryAccessError, RegistryError, RegistryMissingError
from firkin.oci.image.reference import Reference
from firkin.oci.registry.client import Registry
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.push import Pusher
from firkin.oci.store.content import ContentStore
from tests.support.hostile_server import http
from tests.support.lies import EMPTY, LAYER, OCI, always, ask, describe, refused

ONCE = Limits(attempts=1)
BODY = b'{"errors":[{"code":"CODE","message":"words of the server"}]}'


async def tags(client: Registry, reference: Reference) -> list[str]:
    return [tag async for tag in client.tags(reference)]


async def push_blob(client: Registry, reference: Reference) -> None:
    fd = os.memfd_create("layer")
    try:
        await Pusher(client, reference).blob(describe(LAYER), fd)
    finally:
        os.close(fd)


def fetch_blob(place: Path) -> Callable[[Registry, Reference], Awaitable[None]]:
    return lambda client, reference: client.fetch(reference, describe(LAYER), ContentStore(str(place)))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RegistryAccessError),
        (403, RegistryAccessError),
        (404, RegistryMissingError),
        (405, RegistryError),
        (429, RegistryError),
        (500, RegistryError),
        (502, RegistryError),
        (503, RegistryError),
        (504, RegistryError),
    ],
)
def test_a_status_is_told_whatever_is_asked(tmp_path: Path, status: int, kind: type[RegistryError]) -> None:
    answer = http(status, BODY, Content_Type="application/json", WWW_Authenticate='Bearer realm="http://127.0.0.1:1/"')
    questions: dict[str, Callable[[Registry, Reference], Awaitable[object]]] = {
        "manifest": lambda client, reference: client.manifest(reference),
        "tags": tags,
        "delete": lambda client, reference: client.delete(reference._replace(digest=EMPTY)),
        "fetch": fetch_blob(tmp_path / "store"),
        "push manifest": lambda client, reference: Pusher(client, reference).manifest(OCI, b"{}"),
    }
    for what, question in questions.items():
        reason = "token: 127.0.0.1:1: can not be reached" if status == 401 else f"answers {status}: CODE words of"
        error = refused(always(answer), question, reason, limits=ONCE)
        if status != 401:
            assert type(error) is kind and error.status == status, what
    if status != 404:
        # A blob that is missing is what is to be pushed.
        refused(always(http(status)), push_blob, f"answers {status}|asks for nothing instead", limits=ONCE)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_asked_again(status: int) -> None:
    with pytest.raises(RegistryError) as raised:
        ask(
            always(http(status)),
            lambda client, reference: client.manifest(reference),
            limits=Limits(attempts=2, delay=0.001),
        )
    assert raised.value.transient and raised.value.status == status
