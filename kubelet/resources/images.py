"""Removes images that nobody uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from firkin import log
from firkin.cri.api.container_pb2 import Container
from firkin.cri.api.image_pb2 import Image, ImageSpec
from firkin.errors import FirkinError, ImageError
from firkin.kubelet.resources.image_choice import FileSystem, ImageSettings, Known, remember, to_free, unused
from firkin.oci.image.reference import parse_reference

__all__ = ["ImageGarbage"]

_LOG = log.to("images")
_EVERYTHING = 1 << 62


class Runtime(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def list_images(self) -> list[Image]: ...
    async def list_containers(self) -> list[Container]: ...
    async def remove_image(self, spec: ImageSpec, /) -> None: ...


class ImageGarbage:
    """Removes images that nobody uses.

    Parameters: `references` are the names of the images that pods want, which may be on their way into use; `disk`
    tells of the file system; `failed` is told when less can be freed than must be; `clock` is in seconds.
    """

    def __init__(
        self, runtime: Runtime, settings: ImageSettings, *, references: Callable[[], Iterable[str]],
        disk: Callable[[], FileSystem], failed: Callable[[str], None], clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._runtime = runtime
        self._settings = settings
        self._references = references
        self._disk = disk
        self._failed = failed
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._began: float | None = None

    async def run(self) -> None:
        """Collect from time to time, for ever; not at once, as what is wanted may not be known yet."""
        while True:
            await asyncio.sleep(self._settings.interval_seconds)
            try:
                await self.collect()
            except (FirkinError, OSError) as error:
                _LOG.warning("can not collect images: %s", error)

    async def collect(self) -> None:
        """Remove what is too old, and as much as must go for the disk. Raises FirkinError, OSError."""
        used = await self._look()
        if self._settings.max_age_seconds:
            await self._remove_old(used)
        wanted = to_free(await asyncio.to_thread(self._disk), self._settings)
        freed = await self._free(wanted, used)
        if freed < wanted:
            self._failed(
                f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only "
                f"found {freed} bytes eligible to free."
            )

    async def remove_unused(self) -> int:
        """Remove all images that nobody uses and that are old enough; returns their bytes. Raises FirkinError."""
        return await self._free(_EVERYTHING, await self._look())

    async def _look(self) -> frozenset[str]:
        names = {_whole(name) for name in self._references()}
        for container in await self._runtime.list_containers():
            names |= {container.image_id, container.image_ref, container.image.image}
        images = await self._runtime.list_images()
        used = frozenset(image.id for image in images if not names.isdisjoint(_names(image)))
        now = self._clock()
        # Of those that are there at the start nobody knows for how long.
        since = now if self._began is not None else float("-inf")
        self._began = now if self._began is None else self._began
        self._known = remember(self._known, images, used, now, since)
        return used

    async def _remove_old(self, used: frozenset[str]) -> None:
        now, limit = self._clock(), self._settings.max_age_seconds
        if self._began is None or now - self._began <= limit:
            # What was used before is known only now.
            return
        for id in unused(self._known, used, now, self._settings):
            if now - self._known[id].last_used > limit:
                await self._remove(id)

    async def _free(self, wanted: int, used: frozenset[str]) -> int:
        freed = 0
        for id in unused(self._known, used, self._clock(), self._settings):
            if freed >= wanted:
                break
            freed += await self._remove(id)
        return freed

    async def _remove(self, id: str) -> int:
        try:
            await self._runtime.remove_image(ImageSpec(image=id))
        except FirkinError as error:
            _LOG.warning("can not remove image %s: %s", id, error)
            return 0
        _LOG.info("removed image %s, which nobody used", id)
        return self._known.pop(id).size


def _names(image: Image) -> set[str]:
    return {image.id, image.spec.image, *image.repo_tags, *image.repo_digests} - {""}


def _whole(name: str) -> str:
    # As images have it: busybox is docker.io/library/busybox:latest.
    try:
        return str(parse_reference(name))
    except ImageError:
        return name
