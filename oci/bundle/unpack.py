"""A bundle from an image: all layers in one directory, and a configuration.

It is made beside its place, in a directory that is locked meanwhile, and moved there when all of it is verified. What
a crash left of an earlier try is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firkin.errors import AlreadyExistsError, KernelError
from firkin.oci.bundle.configuration import Wishes, runtime_config
from firkin.oci.bundle.inside import read_users
from firkin.oci.bundle.users import resolve_user
from firkin.oci.image.config import ImageConfig, ProcessConfig
from firkin.oci.json_text import dump
from firkin.oci.layers.unpack import DEFAULT_LIMITS, Job, Limits, unpack, unpack_arriving
from firkin.oci.snapshots.trees import remove_tree

if TYPE_CHECKING:
    from firkin.oci.pull import Arriving
    from firkin.oci.store.images import ImageStore, Layer, Local

__all__ = ["unpack_arriving_bundle", "unpack_bundle", "write_rootfs"]

Progress = Callable[[int, int], None]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _silent(done: int, total: int) -> None:
    return


def unpack_bundle(
    store: ImageStore, image: Local, path: str, wishes: Wishes, *, limits: Limits = DEFAULT_LIMITS,
    progress: Progress = _silent,
) -> None:  # fmt: skip
    """Make the bundle at `path`, which must not exist, of an image that is here; a failure leaves nothing of it.

    Parameters: `progress` is told how many layers are done of how many.
    Raises AlreadyExistsError, KernelError, ImageError.
    """
    with _made_beside(path) as place, _rootfs(place) as root:
        write_rootfs(store, image, root, limits=limits, progress=progress)
        _configure(place, root, image.name, image.config, wishes)


async def unpack_arriving_bundle(
    image: Arriving, path: str, wishes: Wishes, *, limits: Limits = DEFAULT_LIMITS, progress: Progress = _silent
) -> None:
    """The same of an image whose layers are on their way: each is written while it comes, one after another.

    Raises what the download failed of, too.
    """
    with _made_beside(path) as place, _rootfs(place) as root:
        for number, layer in enumerate(image.layers):
            progress(number, len(image.layers))
            job = _job(image.name, image.layers, number, root, limits)
            await unpack_arriving(image.arrivals[layer.blob.digest], job)
        progress(len(image.layers), len(image.layers))
        _configure(place, root, image.name, image.config, wishes)


def write_rootfs(
    store: ImageStore, image: Local, root: int, *, limits: Limits = DEFAULT_LIMITS, progress: Progress = _silent
) -> None:
    """Write all layers below the open directory `root`, one over the other. Raises ImageError, KernelError."""
    for number, layer in enumerate(image.layers):
        progress(number, len(image.layers))
        job = _job(image.name, image.layers, number, root, limits)
        blob = store.content.open(layer.blob.digest)
        try:
            unpack(blob, job.compression, job.diff_id, root, whiteouts="remove", name=job.name, limits=limits)
        finally:
            os.close(blob)
    progress(len(image.layers), len(image.layers))


def _job(name: str, layers: tuple[Layer, ...], number: int, root: int, limits: Limits) -> Job:
    layer = layers[number]
    what = f"{name}: layer {number + 1} of {len(layers)}"
    return Job(layer.compression, layer.diff_id, root, "remove", what, limits)


@contextmanager
def _made_beside(path: str) -> Iterator[str]:
    # The directory that becomes `path` when this is left without an error.
    exists = AlreadyExistsError(f"unpack to {path}: it exists already", hint="name a directory to make")
    if os.path.lexists(path):
        raise exists
    parent, name = os.path.split(os.path.abspath(path))
    place = f"{parent}/.{name}.unpacking"
    lock = _lock(place, path)
    try:
        yield place
        try:
            os.rename(place, path)
        except OSError as error:
            raise exists if os.path.lexists(path) else KernelError(f"make {path}", error.errno or 0) from error
    except BaseException:
        remove_tree(place)
        raise
    finally:
        os.close(lock)


def _lock(place: str, path: str) -> int:
    # An empty directory that nobody else has, locked until the descriptor is closed.
    while True:
        try:
            os.mkdir(place, 0o700)
        except FileExistsError:
            pass
        except OSError as error:
            raise KernelError(f"make {path}", error.errno or 0) from error
        try:
            fd = os.open(place, _DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(fd, place):
                _empty(place)
                return fd
        except BlockingIOError:
            os.close(fd)
            raise AlreadyExistsError(f"unpack to {path}: another process does that just now") from None
        except BaseException:
            os.close(fd)
            raise
        # It was moved to its place, or removed, before it could be locked.
        os.close(fd)


def _is_same(fd: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return there.st_ino == os.fstat(fd).st_ino


def _empty(place: str) -> None:
    with os.scandir(place) as entries:
        for entry in entries:
            remove_tree(entry.path)


@contextmanager
def _rootfs(place: str) -> Iterator[int]:
    os.mkdir(f"{place}/rootfs", 0o755)
    root = os.open(f"{place}/rootfs", _DIRECTORY)
    try:
        yield root
    finally:
        os.close(root)


def _configure(place: str, root: int, name: str, image: ImageConfig, wishes: Wishes) -> None:
    user = (image.config or ProcessConfig()).user
    passwd, group = read_users(root)
    config = runtime_config(image, resolve_user(user, passwd, group), wishes, name)
    with open(f"{place}/config.json", "x", encoding="utf-8") as file:
        file.write(dump(config, 4) + "\n")
