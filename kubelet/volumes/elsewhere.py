"""Sources that this node has not: volumes of clusters, and of other machines."""

from __future__ import annotations

from firkin.kubelet.api.struct import wire_name
from firkin.kubelet.api.volume import Volume
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["Elsewhere"]

_KNOWN = ("name", "empty_dir", "host_path", "config_map", "secret", "downward_api", "projected", "image")


class Elsewhere:
    """Refuses what no other plug-in takes."""

    kind = "elsewhere"
    is_live = False

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return _source(volume) is not None

    def path(self, request: Request) -> str:
        """It has none."""
        return ""

    def prepare(self, request: Request) -> Work:
        """Raises VolumeError."""
        name = wire_name(_source(request.volume) or "")
        raise VolumeError(
            f"no volume plugin matched: {name} volumes can not be had on this node",
            hint="emptyDir, hostPath, configMap, secret, projected, downwardAPI and image can",
        )


def _source(volume: Volume) -> str | None:
    fields = (field for field in volume.__struct_fields__ if field not in _KNOWN)
    return next((field for field in fields if getattr(volume, field) is not None), None)
