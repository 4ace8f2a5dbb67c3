"""Blobs and manifests sent to a registry.

Source: distribution-spec spec.md, "Push".
"""

from __future__ import annotations

from collections.abc import Callable

from yarl import URL

from firkin.errors import RegistryAccessError
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.image.reference import Reference
from firkin.oci.registry.client import Registry
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.failure import protocol_error
from firkin.oci.registry.progress import Progress, silent
from firkin.oci.registry.redirect import target
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request, repository_scope
from firkin.oci.registry.upload import Upload

__all__ = ["CHUNK", "Pusher"]

_HEAD = frozenset({200, 404})
_STARTED = frozenset({201, 202})
_CREATED = frozenset({201})
CHUNK = 16 << 20
"""Bytes up to which a blob is sent in one request, and that each further request has."""


class Pusher:
    """Sends to one repository: that of `reference`. Raises ConfigError if its registry can not be pushed to."""

    def __init__(
        self, registry: Registry, reference: Reference, *, progress: Progress = silent, chunk: int = CHUNK
    ) -> None:
        self._caller = registry.caller
        self._endpoint: Endpoint = registry.mirrors.able(reference.host, "push")[-1]
        self._reference = reference
        self._progress = progress
        self._chunk = chunk
        self._scopes = (repository_scope(reference.path, "pull", "push"),)

    async def blob(self, descriptor: Descriptor, fd: int, *, mount_from: str = "") -> bool:
        """Send the blob that is open as `fd`, unless the repository has it: whether bytes had to be sent.

        `mount_from` is the path of another repository of the registry that has it perhaps.
        Raises RegistryError, OSError.
        """
        what = f"push {descriptor.digest[:19]} to {self._reference}"
        sent = False
        if not await self._has(descriptor, what):
            location = await self._mount_or_start(descriptor, what, mount_from)
            if location is not None:
                advance = self._advance(descriptor)
                request = Request("PUT", location, what, scopes=self._scopes)
                upload = Upload(self._caller, self._endpoint, request, descriptor, fd, advance)
                await upload.send(self._chunk)
                sent = True
        self._progress(descriptor.digest, descriptor.size, descriptor.size)
        return sent

    async def manifest(self, media_type: str, data: bytes, *, tag: str = "", digest: str = "") -> str:
        """Send a manifest or index whose blobs are there, under `tag` or by its digest alone: its digest.

        `digest` is the one that others know it by, if it is not the usual one. Raises RegistryError.
        """
        digest = digest or digest_of(data)
        request = Request(
            "PUT",
            self._endpoint.address(f"{self._reference.path}/manifests/{tag or digest}"),
            f"push manifest {self._reference}",
            headers={"Content-Type": media_type},
            body=data,
            scopes=self._scopes,
        )

        async def consume(reply: Reply) -> str:
            told = reply.headers.get("Docker-Content-Digest", digest)
            # The registry may answer with another algorithm; only the same one can be compared.
            if told.partition(":")[0] == digest.partition(":")[0] and told != digest:
                raise protocol_error(reply.what, reply.host, f"stored {told[:80]!r} instead of {digest}")
            return digest

        return await self._caller.call(self._endpoint, request, consume, good=_CREATED)

    async def _has(self, descriptor: Descriptor, what: str) -> bool:
        url = self._endpoint.address(f"{self._reference.path}/blobs/{descriptor.digest}")
        request = Request("HEAD", url, what, scopes=self._scopes)

        async def consume(reply: Reply) -> bool:
            return reply.status == 200

        return await self._caller.call(self._endpoint, request, consume, good=_HEAD)

    async def _mount_or_start(self, descriptor: Descriptor, what: str, mount_from: str) -> URL | None:
        if mount_from:
            try:
                return await self._start(descriptor, what, mount_from)
            except RegistryAccessError:
                # Whoever may write to this repository need not be let into the other one.
                pass
        return await self._start(descriptor, what)

    async def _start(self, descriptor: Descriptor, what: str, mount_from: str = "") -> URL | None:
        query = {"mount": descriptor.digest, "from": mount_from} if mount_from else {}
        url = self._endpoint.address(f"{self._reference.path}/blobs/uploads/", **query)
        extra = (repository_scope(mount_from, "pull"),) if mount_from else ()
        request = Request("POST", url, what, scopes=(*self._scopes, *extra), extra_scopes=extra)

        async def consume(reply: Reply) -> URL | None:
            # 201 says that it could be mounted.
            return None if reply.status == 201 else target(reply.url, reply.headers.get("Location", ""), reply.what)

        return await self._caller.call(self._endpoint, request, consume, good=_STARTED)

    def _advance(self, descriptor: Descriptor) -> Callable[[int], None]:
        def advance(done: int) -> None:
            self._progress(descriptor.digest, done, descriptor.size)

        return advance
