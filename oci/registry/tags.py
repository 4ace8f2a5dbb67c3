"""The tags of a repository, page by page.

Source: distribution-spec spec.md, "Listing Tags"; RFC 8288 for `Link`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from yarl import URL

from firkin.errors import ConfigError
from firkin.oci.image.manifest import MOST_METADATA
from firkin.oci.image.reference import Reference
from firkin.oci.json_text import parse
from firkin.oci.registry.caller import Caller
from firkin.oci.registry.endpoint import Endpoint, origin
from firkin.oci.registry.failure import clean, protocol_error
from firkin.oci.registry.limits import MOST_TAGS
from firkin.oci.registry.redirect import target
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request, repository_scope

__all__ = ["list_tags"]

_PAGE = "1000"
_OK = frozenset({200})
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_NEXT = re.compile(r'<([^<>]*)>[ \t]*;[^,<]*\brel[ \t]*=[ \t]*"?next\b')


async def list_tags(caller: Caller, endpoint: Endpoint, reference: Reference) -> AsyncIterator[str]:
    """The tags as they come. Raises RegistryError, also for pages that do not end."""
    url: URL | None = endpoint.address(f"{reference.path}/tags/list", n=_PAGE)
    seen: set[URL] = set()
    count = 0
    while url is not None:
        seen.add(url)
        what = f"tags of {reference.repository}"
        request = Request("GET", url, what, scopes=(repository_scope(reference.path, "pull"),))
        tags, url = await caller.call(endpoint, request, _page, good=_OK)
        count += len(tags)
        if count > MOST_TAGS:
            raise protocol_error(what, endpoint.host, f"has more than {MOST_TAGS} tags")
        if url in seen or (url is not None and not tags):
            raise protocol_error(what, endpoint.host, "sends pages in a circle, or without tags")
        for tag in tags:
            yield tag


async def _page(reply: Reply) -> tuple[list[str], URL | None]:
    body = await reply.read(MOST_METADATA)
    try:
        document = parse(body, "tags")
    except ConfigError as error:
        raise protocol_error(reply.what, reply.host, f"sends a list that can not be read: {error}") from None
    tags = document.get("tags") if isinstance(document, dict) else ""
    tags = [] if tags is None else tags
    if not isinstance(tags, list):
        raise protocol_error(reply.what, reply.host, "sends a list without tags")
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise protocol_error(reply.what, reply.host, f"{clean(str(tag), 80)!r} is not a tag")
    return tags, _next(reply)


def _next(reply: Reply) -> URL | None:
    found = _NEXT.search(", ".join(reply.headers.getall("Link", ())))
    if found is None:
        return None
    url = target(reply.url, found[1], reply.what)
    if origin(url) != origin(reply.url):
        raise protocol_error(reply.what, reply.host, f"has its next page at {clean(found[1], 80)!r}, on another host")
    return url
