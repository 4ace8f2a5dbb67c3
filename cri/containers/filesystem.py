"""The root file systems of containers: made of their images' layers, in a thread that has the store to itself.

SQLite's connections belong to one thread, and unpacking takes as long as it takes; the event loop waits for neither.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from firkin.cri.spec.inputs import invalid
from firkin.oci.bundle.inside import is_inside, read_users
from firkin.oci.snapshots.garbage import Removed, collect
from firkin.oci.snapshots.holding import Holding
from firkin.oci.snapshots.overlay import Overlay
from firkin.oci.snapshots.store import Snapshots, Stack
from firkin.oci.snapshots.trees import Ids, remove_tree
from firkin.oci.store.images import ImageStore, Local

__all__ = ["FileSystem", "FileSystems"]

_MOST_IMAGES, _MOST_USERS = 64, 1 << 14
"""Images whose users are kept in mind, and characters of those."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What a container is given: its root at `root`, and directories in place of some of it.

    `holding` is the directory of all that belongs to it. `trees` are overlays by the path that stands for them;
    `volumes` and `images` are directories by their place in the container. `passwd` and `group` are the image's.
    """

    holding: str
    root: str
    trees: Mapping[str, Overlay]
    volumes: Mapping[str, str]
    images: Mapping[str, str]
    passwd: str
    group: str


class FileSystems:
    """Makes them from the images below `root`. Close it."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._thread = ThreadPoolExecutor(1, "file-systems")
        self._snapshots: Snapshots | None = None
        self._users: dict[str, tuple[str, str]] = {}

    async def make(
        self, holder: str, id: str, image: Local, *, volumes: tuple[str, ...] = (),
        images: Mapping[str, tuple[Local, str]] | None = None, ids: Ids | None = None,
    ) -> FileSystem:  # fmt: skip
        """A root file system for the container `id`, which it may write to.

        Parameters: `holder` is a file that is written, and names the holding as long as it is needed; `volumes` are
        places that get directories of their own; `images` are images to mount by place, each with the part that is
        meant; `ids` are the maps of the container's user namespace. Raises ImageError, KernelError, ConfigError for a
        part that an image does not have; then nothing is left.
        """
        return await self._run(lambda: self._make(holder, id, image, volumes, images or {}, ids))

    async def prepare(self, image: Local) -> None:
        """Have the layers of an image unpacked, so that a container starts at once. Raises ImageError, KernelError."""
        # Not in the thread of those who make containers: this can take long.
        await asyncio.to_thread(self._prepare, image)

    async def collect(self) -> Removed:
        """Remove layers that nothing needs, and what belonged to containers that are gone. Raises KernelError."""
        return await self._run(lambda: collect(self._open()))

    async def remove(self, holding: str) -> None:
        """Remove what `make` made; it may be gone. Raises KernelError."""
        await asyncio.to_thread(remove_tree, holding)

    async def close(self) -> None:
        """End the thread."""
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Snapshots:
        if self._snapshots is None:
            self._snapshots = Snapshots(ImageStore(self._root))
        return self._snapshots

    def _close(self) -> None:
        if self._snapshots is not None:
            self._snapshots.store.close()
            self._snapshots = None

    def _prepare(self, image: Local) -> None:
        with ImageStore(self._root) as store:
            Snapshots(store).prepare(image)

    def _make(
        self, holder: str, id: str, image: Local, volumes: tuple[str, ...], images: Mapping[str, tuple[Local, str]],
        ids: Ids | None,
    ) -> FileSystem:  # fmt: skip
        with Holding(self._open(), holder, id) as holding:
            stack = holding.take(image)
            root = holding.make_root(stack, ids)
            trees = {root.path: root.overlay} if root.overlay else {}
            made, (passwd, group) = self._look_inside(holding, stack, image, volumes, ids)
            shown = {}
            for number, (place, (one, path)) in enumerate(images.items()):
                shown[place] = f"{holding.path}/images/{number}"
                layers = holding.take(one)
                if path and not _has(layers, path):
                    raise invalid("config.mounts", f"image_sub_path {path!r} of {place} is not in image {one.name}")
                trees[shown[place]] = layers.overlay(path)
            with open(holder, "x", encoding="ascii") as file:
                file.write(holding.name)
            return FileSystem(holding.path, root.path, trees, made, shown, passwd, group)

    def _look_inside(
        self, holding: Holding, stack: Stack, image: Local, volumes: tuple[str, ...], ids: Ids | None
    ) -> tuple[dict[str, str], tuple[str, str]]:
        # Volumes, and who is in the image, which is the same in all containers of it.
        digest = image.manifest.config.digest
        users = self._users.get(digest)
        if users is not None and not volumes:
            return {}, users
        tree = stack.open()
        try:
            passwd, group = read_users(tree)
            made = {place: holding.make_volume(tree, place, ids) for place in volumes}
        finally:
            os.close(tree)
        if len(passwd) + len(group) <= _MOST_USERS:
            if len(self._users) >= _MOST_IMAGES:
                self._users.clear()
            self._users[digest] = passwd, group
        return made, (passwd, group)


def _has(layers: Stack, path: str) -> bool:
    tree = layers.open()
    try:
        return is_inside(tree, path)
    finally:
        os.close(tree)
