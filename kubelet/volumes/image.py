"""image: the file system of an image, which the runtime mounts."""

from __future__ import annotations

from firkin.kubelet.api.volume import Volume
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["ImageVolumes"]


class ImageVolumes:
    """There is nothing on the node: the runtime is told of the image with each mount."""

    kind = "image"
    is_live = False

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.image is not None

    def path(self, request: Request) -> str:
        """The runtime finds it."""
        return ""

    def prepare(self, request: Request) -> Work:
        """See VolumePlugin."""
        return lambda: None
