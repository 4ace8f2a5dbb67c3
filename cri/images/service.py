"""The calls of ImageService."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping

from firkin.cri import faults
from firkin.cri.api.image_pb2 import (
    FilesystemIdentifier,
    FilesystemUsage,
    Image,
    ImageFilter,
    ImageFsInfoRequest,
    ImageFsInfoResponse,
    ImageSpec,
    ImageStatusRequest,
    ImageStatusResponse,
    ListImagesRequest,
    ListImagesResponse,
    PullImageRequest,
    PullImageResponse,
    RemoveImageRequest,
    RemoveImageResponse,
    StreamImagesRequest,
    StreamImagesResponse,
)
from firkin.cri.api.values_pb2 import Int64Value, UInt64Value
from firkin.cri.config import Images
from firkin.cri.containers.filesystem import FileSystems
from firkin.cri.images.catalog import Catalog, CatalogEntry
from firkin.cri.images.pulls import Puller
from firkin.cri.records.creations import Creations
from firkin.cri.rpc import Handler
from firkin.cri.telemetry.meters import Meters
from firkin.errors import ConfigError, NotFoundError
from firkin.oci.image.reference import parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.store.images import ImageStore

__all__ = ["ImageService"]

_PER_MESSAGE = 500


class ImageService:
    """Images of `store`, as `config` says; `file_systems` unpacks them, `meters` count."""

    def __init__(self, store: ImageStore, config: Images, file_systems: FileSystems, meters: Meters) -> None:
        self._policy = Policy(config.policy)
        self.catalog = Catalog(store, self._policy)
        self._store = store
        self._config = config
        self._file_systems = file_systems
        self._puller = Puller(store, config, self._policy)
        self._pulls = Creations()
        self._meters = meters

    def configure(self, config: Images) -> None:
        """Do as `config` says from now on."""
        self._config = config
        self._policy.path = config.policy
        self._puller.configure(config)

    def routes(self) -> Mapping[str, Handler]:
        """The calls and their bodies."""
        return {
            "ListImages": self.list_images,
            "StreamImages": self.stream_images,
            "ImageStatus": self.image_status,
            "PullImage": self.pull_image,
            "RemoveImage": self.remove_image,
            "ImageFsInfo": self.image_fs_info,
        }

    async def list_images(self, request: ListImagesRequest) -> ListImagesResponse:
        """All images, or the one that the filter names."""
        return ListImagesResponse(images=self._images(request.filter))

    async def stream_images(self, request: StreamImagesRequest) -> AsyncIterator[StreamImagesResponse]:
        """As list_images, in pieces."""
        images = self._images(request.filter)
        for start in range(0, len(images), _PER_MESSAGE):
            yield StreamImagesResponse(images=images[start : start + _PER_MESSAGE])

    async def image_status(self, request: ImageStatusRequest) -> ImageStatusResponse:
        """The image, or none: that is no error here."""
        entry = self.catalog.find(_name_in(request.image, "ImageStatusRequest"))
        if entry is None:
            return ImageStatusResponse()
        info = {"info": self._verbose(entry)} if request.verbose else {}
        return ImageStatusResponse(image=self._image(entry), info=info)

    async def pull_image(self, request: PullImageRequest) -> PullImageResponse:
        """Have the image here. The answer is its id, as everywhere else."""
        reference = parse_reference(_name_in(request.image, "PullImageRequest"))
        auth = request.auth if request.HasField("auth") else None

        async def make() -> str:
            with self._meters.pull():
                local = await self._puller.pull(reference, auth)
                faults.reach("pulled")
                # What is unpacked now, no container has to wait for.
                await self._file_systems.prepare(local)
                faults.reach("unpacked")
            return local.manifest.config.digest

        # Others may have other rights: only who shows the same credentials shares a pull.
        name = f"{reference} {request.auth.SerializeToString(deterministic=True).hex()}"
        return PullImageResponse(image_ref=await self._pulls.join(name, request.image, make))

    async def remove_image(self, request: RemoveImageRequest) -> RemoveImageResponse:
        """Forget all names of the image; what no container needs any more is removed."""
        entry = self.catalog.find(_name_in(request.image, "RemoveImageRequest"))
        for name in entry.names if entry else ():
            try:
                self._store.remove(parse_reference(name))
            except NotFoundError:
                # Somebody else was faster.
                continue
            faults.reach("unnamed")
        await self._file_systems.collect()
        faults.reach("collected")
        return RemoveImageResponse()

    async def image_fs_info(self, _request: ImageFsInfoRequest) -> ImageFsInfoResponse:
        """How much images and the writable layers of containers take."""
        size, count = self._store.content.usage()
        snapshots = self._store.metadata.snapshots()
        usage = FilesystemUsage(
            timestamp=time.time_ns(),
            fs_id=FilesystemIdentifier(mountpoint=self._store.root),
            used_bytes=UInt64Value(value=size + sum(one.bytes for one in snapshots)),
            inodes_used=UInt64Value(value=count + sum(one.inodes for one in snapshots)),
        )
        return ImageFsInfoResponse(image_filesystems=[usage], container_filesystems=[usage])

    def _images(self, wanted: ImageFilter) -> list[Image]:
        if wanted.image.image:
            entry = self.catalog.find(wanted.image.image)
            return [self._image(entry)] if entry else []
        return [self._image(entry) for entry in self.catalog.entries()]

    def _image(self, entry: CatalogEntry) -> Image:
        user = entry.local.config.config.user if entry.local.config.config else ""
        name, _, _ = user.partition(":")
        return Image(
            id=entry.id,
            repo_tags=entry.tags,
            repo_digests=entry.digests,
            size=entry.size,
            uid=Int64Value(value=int(name)) if name.isdecimal() else None,
            username="" if name.isdecimal() else name,
            spec=ImageSpec(image=entry.id),
            pinned=any(
                parse_reference(text) == parse_reference(tag) for text in self._config.pinned for tag in entry.tags
            ),
        )

    def _verbose(self, entry: CatalogEntry) -> str:
        config = self._store.content.read(entry.id, entry.local.manifest.config.size)
        spec = {"chainID": [layer.diff_id for layer in entry.local.layers], "imageSpec": json.loads(config)}
        return json.dumps(spec)


def _name_in(image: ImageSpec, document: str) -> str:
    if not image.image:
        raise ConfigError("image.image", "is empty", document=document)
    return image.image
