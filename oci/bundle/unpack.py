"""A bundle from an image that is here: all layers in one directory, and a configuration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from firkin.errors import AlreadyExistsError, KernelError
from firkin.oci.bundle.configuration import Wishes, runtime_config
from firkin.oci.bundle.inside import read_inside
from firkin.oci.bundle.users import resolve_user
from firkin.oci.image.config import ProcessConfig
from firkin.oci.json_text import dump
from firkin.oci.layers.unpack import DEFAULT_LIMITS, Limits, file_chunks, unpack
from firkin.oci.store.images import ImageStore, Local

__all__ = ["unpack_bundle", "write_rootfs"]

_MOST_PASSWD = 1 << 20


def unpack_bundle(
    store: ImageStore, image: Local, path: str, wishes: Wishes, *, limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:  # fmt: skip
    """Make the bundle at `path`, which must not exist; a failure leaves nothing of it.

    Parameters: `progress` is told how many layers are done of how many.
    Raises AlreadyExistsError, KernelError, ImageError.
    """
    try:
        os.mkdir(path, 0o700)
        os.mkdir(f"{path}/rootfs", 0o755)
    except FileExistsError:
        raise AlreadyExistsError(f"unpack to {path}: it exists already", hint="name a directory to make") from None
    except OSError as error:
        raise KernelError(f"make {path}", error.errno or 0) from error
    try:
        _fill(store, image, path, wishes, limits, progress)
    except BaseException:
        shutil.rmtree(path)
        raise


def _fill(
    store: ImageStore, image: Local, path: str, wishes: Wishes, limits: Limits, progress: Callable[[int, int], None]
) -> None:
    root = os.open(f"{path}/rootfs", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        write_rootfs(store, image, root, limits=limits, progress=progress)
        user = (image.config.config or ProcessConfig()).user
        passwd, group = (read_inside(root, f"etc/{name}", _MOST_PASSWD) for name in ("passwd", "group"))
        identity = resolve_user(user, passwd, group)
    finally:
        os.close(root)
    config = runtime_config(image.config, identity, wishes, image.name)
    with open(f"{path}/config.json", "x", encoding="utf-8") as file:
        file.write(dump(config, 4) + "\n")


def write_rootfs(
    store: ImageStore, image: Local, root: int, *, limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:  # fmt: skip
    """Write all layers below the open directory `root`, one over the other. Raises ImageError, KernelError."""
    for number, layer in enumerate(image.layers):
        progress(number, len(image.layers))
        blob = store.content.open(layer.blob.digest)
        try:
            name = f"{image.name}: layer {number + 1} of {len(image.layers)}"
            chunks = file_chunks(blob)
            unpack(chunks, layer.compression, layer.diff_id, root, whiteouts="remove", name=name, limits=limits)
        finally:
            os.close(blob)
    progress(len(image.layers), len(image.layers))
