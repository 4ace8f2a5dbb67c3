"""Images of registries: what a name stands for, manifests, blobs, tags.

Source: distribution-spec spec.md, "Pull", "Content Discovery", "Content Management".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import INDEX_TYPES, Descriptor, Platform, decode_index
from firkin.oci.image.platform import choose
from firkin.oci.image.reference import Reference
from firkin.oci.registry.authorization import Authorizer
from firkin.oci.registry.caller import Caller
from firkin.oci.registry.credentials import DockerConfig, Lookup
from firkin.oci.registry.document import ACCEPT, described, read_document
from firkin.oci.registry.download import download
from firkin.oci.registry.endpoint import Endpoint, is_loopback
from firkin.oci.registry.failure import protocol_error
from firkin.oci.registry.hosts import HOSTS_DIRECTORY
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.mirrors import Mirrors
from firkin.oci.registry.progress import Progress, silent
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request, repository_scope
from firkin.oci.registry.side_by_side import side_by_side
from firkin.oci.registry.sink import Store
from firkin.oci.registry.tags import list_tags
from firkin.oci.registry.transport import Transport

__all__ = ["Registry", "open_registry"]

_OK = frozenset({200})
_DELETED = frozenset({202})
_PARALLEL = 3
_RANGES = 3


class Registry:
    """Everything that is read from registries, for any number of them. See `open_registry`."""

    def __init__(self, caller: Caller, mirrors: Mirrors, ranges: int = _RANGES) -> None:
        self.caller = caller
        self.mirrors = mirrors
        self._ranges = ranges

    async def resolve(self, reference: Reference) -> Descriptor:
        """What a tag or digest stands for, without its content where the registry tells that.

        Raises RegistryError, ConfigError.
        """

        async def ask(endpoint: Endpoint, attempts: int) -> Descriptor | None:
            request = _manifest_request("HEAD", endpoint, reference, reference.asked)
            return await self.caller.call(endpoint, request, described, good=_OK, attempts=attempts)

        found = await self.mirrors.first(reference.host, "resolve", ask)
        if found is None or (reference.digest and found.digest != reference.digest):
            # What the header fields do not tell, or tell wrongly, the content does.
            found, _ = await self.manifest(reference)
        return found

    async def manifest(self, reference: Reference, descriptor: Descriptor | None = None) -> tuple[Descriptor, bytes]:
        """A manifest or index and its bytes: that of `descriptor`, or what the reference stands for.

        Its digest and media type are verified. Raises RegistryError, ConfigError.
        """
        digest = descriptor.digest if descriptor else reference.digest

        async def ask(endpoint: Endpoint, attempts: int) -> tuple[Descriptor, bytes]:
            async def consume(reply: Reply) -> tuple[Descriptor, bytes]:
                found, body = await read_document(reply, digest)
                if descriptor is not None and (found.size, found.media_type) != (
                    descriptor.size,
                    descriptor.media_type,
                ):
                    reason = f"sends {found.size} bytes of {found.media_type}, its descriptor says"
                    reason = f"{reason} {descriptor.size} of {descriptor.media_type}"
                    raise protocol_error(reply.what, reply.host, reason)
                return found, body

            request = _manifest_request("GET", endpoint, reference, digest or reference.tag)
            return await self.caller.call(endpoint, request, consume, good=_OK, attempts=attempts)

        return await self.mirrors.first(reference.host, "pull" if digest else "resolve", ask)

    async def image(self, reference: Reference, platform: Platform) -> list[tuple[Descriptor, bytes]]:
        """The manifest of the image for a platform, last, after the index that it is in, if it is in one.

        Raises RegistryError, ConfigError, ImageError if there is none for the platform.
        """
        found = [await self.manifest(reference)]
        if found[0][0].media_type in INDEX_TYPES:
            index = decode_index(found[0][1], str(reference))
            chosen = choose(index.manifests, platform, str(reference))
            found.append(await self.manifest(reference, chosen))
        if found[-1][0].media_type in INDEX_TYPES:
            raise protocol_error(
                f"pull {reference}", reference.host, "has an index in its index, which is not supported"
            )
        return found

    async def fetch(
        self, reference: Reference, descriptor: Descriptor, store: Store, progress: Progress = silent
    ) -> None:
        """Put the blob of `descriptor` into the store, unless it is there.

        Raises RegistryError, ImageError, ConfigError, KernelError.
        """

        async def ask(endpoint: Endpoint, attempts: int) -> None:
            request = _blob_request(endpoint, reference, descriptor)
            async with store.ingest(descriptor) as ingest:
                if ingest is not None:
                    progress(descriptor.digest, ingest.offset, descriptor.size)
                    # On this machine one connection is as fast as it gets.
                    ranges = 1 if is_loopback(endpoint.host) else self._ranges
                    patience = {"attempts": attempts, "ranges": ranges}
                    await download(self.caller, endpoint, request, descriptor, ingest, **patience, progress=progress)
            progress(descriptor.digest, descriptor.size, descriptor.size)

        await self.mirrors.first(reference.host, "pull", ask)

    async def fetch_all(
        self,
        reference: Reference,
        descriptors: Iterable[Descriptor],
        store: Store,
        *,
        parallel: int = _PARALLEL,
        progress: Progress = silent,
    ) -> None:
        """Put blobs into the store, so many at once, begun in their order. Raises the first error as `fetch`."""
        unique = {descriptor.digest: descriptor for descriptor in descriptors}
        jobs = (partial(self.fetch, reference, descriptor, store, progress) for descriptor in unique.values())
        await side_by_side(jobs, parallel)

    async def blob(self, reference: Reference, descriptor: Descriptor, most: int) -> bytes:
        """A small blob in memory, such as a configuration, of at most `most` bytes. Raises RegistryError."""

        async def ask(endpoint: Endpoint, attempts: int) -> bytes:
            request = _blob_request(endpoint, reference, descriptor)

            async def consume(reply: Reply) -> bytes:
                if descriptor.size > most:
                    reason = f"has {descriptor.size} bytes, more than the {most} that are read at most"
                    raise protocol_error(request.what, endpoint.host, reason)
                body = await reply.read(descriptor.size)
                found = digest_of(body, descriptor.digest.partition(":")[0])
                if len(body) != descriptor.size or found != descriptor.digest:
                    reason = f"sends {len(body)} bytes with the digest {found}, its descriptor says {descriptor.size}"
                    raise protocol_error(request.what, endpoint.host, reason)
                return body

            return await self.caller.call(endpoint, request, consume, good=_OK, attempts=attempts)

        return await self.mirrors.first(reference.host, "pull", ask)

    def tags(self, reference: Reference) -> AsyncIterator[str]:
        """The tags of a repository, in the order of the registry. Raises RegistryError."""
        endpoint = self.mirrors.able(reference.host, "resolve")[-1]
        return list_tags(self.caller, endpoint, reference)

    async def delete(self, reference: Reference) -> str:
        """Delete the manifest that the reference stands for, with all tags of it: its digest. Raises RegistryError."""
        digest = reference.digest or (await self.resolve(reference)).digest
        endpoint = self.mirrors.able(reference.host, "push")[-1]
        request = Request(
            "DELETE",
            endpoint.address(f"{reference.path}/manifests/{digest}"),
            f"delete {reference}",
            scopes=(repository_scope(reference.path, "pull", "push", "delete"),),
        )

        async def consume(reply: Reply) -> str:
            return digest

        return await self.caller.call(endpoint, request, consume, good=_DELETED)


@asynccontextmanager
async def open_registry(
    *,
    credentials: Lookup | None = None,
    hosts_directory: str = HOSTS_DIRECTORY,
    limits: Limits | None = None,
    ranges: int = _RANGES,
) -> AsyncIterator[Registry]:
    """A client, whose connections are closed at the end.

    Parameters: `credentials` are those of Docker's configuration if they are not given; `ranges` is how many parts of
    a large blob are fetched at once.
    """
    async with Transport(limits) as transport:
        authorizer = Authorizer(transport, credentials or DockerConfig().lookup)
        yield Registry(Caller(transport, authorizer), Mirrors(transport.limits, hosts_directory), ranges)


def _manifest_request(method: str, endpoint: Endpoint, reference: Reference, asked: str) -> Request:
    return Request(
        method,
        endpoint.address(f"{reference.path}/manifests/{asked}"),
        f"manifest {reference}",
        headers={"Accept": ACCEPT},
        scopes=(repository_scope(reference.path, "pull"),),
    )


def _blob_request(endpoint: Endpoint, reference: Reference, descriptor: Descriptor) -> Request:
    return Request(
        "GET",
        endpoint.address(f"{reference.path}/blobs/{descriptor.digest}"),
        f"blob {descriptor.digest[:19]} of {reference}",
        scopes=(repository_scope(reference.path, "pull"),),
    )
