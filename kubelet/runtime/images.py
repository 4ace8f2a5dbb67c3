"""The calls of CRI's image service."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from firkin.cri.api import image_pb2 as image
from firkin.kubelet.runtime.connection import Connection

__all__ = ["ImageCalls"]

_Answer = TypeVar("_Answer", bound=Message)


class ImageCalls:
    """The image service of the runtime at the other end of `connection`."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    async def list_images(self, selector: image.ImageFilter | None = None) -> list[image.Image]:
        """The images that there are."""
        request = image.ListImagesRequest(filter=selector)
        return list((await self._image("ListImages", request, image.ListImagesResponse)).images)

    async def image_status(self, spec: image.ImageSpec) -> image.Image | None:
        """An image, None if it is not here."""
        answer = await self._image("ImageStatus", image.ImageStatusRequest(image=spec), image.ImageStatusResponse)
        return answer.image if answer.HasField("image") else None

    async def pull_image(self, request: image.PullImageRequest) -> str:
        """Fetch an image, however long it takes; returns its reference."""
        path = "ImageService/PullImage"
        return (await self._connection.call(path, request, image.PullImageResponse, None)).image_ref

    async def remove_image(self, spec: image.ImageSpec) -> None:
        """Remove an image; one that is gone is none the worse."""
        await self._image("RemoveImage", image.RemoveImageRequest(image=spec), image.RemoveImageResponse)

    async def image_fs_info(self) -> image.ImageFsInfoResponse:
        """What images and containers take of their file systems."""
        return await self._image("ImageFsInfo", image.ImageFsInfoRequest(), image.ImageFsInfoResponse)

    async def _image(self, name: str, request: Message, answer: type[_Answer]) -> _Answer:
        return await self._connection.call(f"ImageService/{name}", request, answer, self._seconds)
