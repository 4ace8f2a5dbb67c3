"""The configuration of an image: what runs in it, and what its layers are.

Source: image-spec config.md.
"""

from __future__ import annotations

from firkin.errors import ImageError
from firkin.oci.image.digest import check_digest
from firkin.oci.image.manifest import decode_document
from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["History", "ImageConfig", "ProcessConfig", "RootFs", "decode_config"]


class ProcessConfig(
    Record,
    user="User",
    exposed_ports="ExposedPorts",
    env="Env",
    entrypoint="Entrypoint",
    cmd="Cmd",
    volumes="Volumes",
    working_dir="WorkingDir",
    labels="Labels",
    stop_signal="StopSignal",
):
    """What a container of the image runs as, if nobody says otherwise."""

    user: str = ""
    exposed_ports: Mapping[str, object] = NOTHING
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: Mapping[str, object] = NOTHING
    working_dir: str = ""
    labels: Mapping[str, str] = NOTHING
    stop_signal: str = ""


class RootFs(Record, diff_ids="diff_ids"):
    """The layers by the digests of their uncompressed archives, the lowest first."""

    type: str
    diff_ids: tuple[str, ...] = ()


class History(Record, created_by="created_by", empty_layer="empty_layer"):
    """How a layer was made."""

    created: str = ""
    author: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(Record, os_version="os.version", os_features="os.features", rootfs="rootfs"):
    """The configuration of an image."""

    created: str = ""
    author: str = ""
    architecture: str
    os: str
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    variant: str = ""
    config: ProcessConfig | None = None
    rootfs: RootFs
    history: tuple[History, ...] = ()


def decode_config(data: bytes, name: str) -> ImageConfig:
    """A configuration with well-formed diff ids. Raises ConfigError, ImageError."""
    config = decode_document(ImageConfig, data, name)
    if config.rootfs.type != "layers":
        raise ImageError(f"{name}: rootfs.type: {config.rootfs.type!r} is not layers")
    for number, diff_id in enumerate(config.rootfs.diff_ids):
        check_digest(diff_id, f"{name}: rootfs.diff_ids[{number}]:")
    return config
