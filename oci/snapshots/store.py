"""The layers of images, unpacked: found, made where they are missing, shared between all images that have them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from firkin.errors import KernelError
from firkin.oci.snapshots.making import lock_directory
from firkin.oci.snapshots.names import chain_ids, chained, flat, item, standalone
from firkin.oci.snapshots.overlay import Overlay, mount, read_only
from firkin.oci.snapshots.probe import why_no_overlay
from firkin.oci.snapshots.trees import Usage, remove_tree, sync
from firkin.oci.store.images import ImageStore, Local
from firkin.oci.store.metadata import Snapshot

if TYPE_CHECKING:
    from firkin.oci.layers.unpack import Limits
    from firkin.oci.snapshots.layer import Made

__all__ = ["Snapshots", "Stack"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Stack(NamedTuple):
    """The root file system of an image.

    `names` and `directories` are those of its layers, the uppermost first; with `is_flat` it is one directory that
    holds all of them. `root` is the directory that tells what the root itself is like, "" if no layer does; `empty`
    is one with nothing in it.
    """

    names: tuple[str, ...]
    directories: tuple[str, ...]
    root: str
    empty: str
    is_flat: bool

    def overlay(self, path: str = "") -> Overlay:
        """The tree as a container may see it, read-only; `path` is a part of it."""
        return read_only(self.directories, self.empty if not self.is_flat else "", path)

    def open(self) -> int:
        """A descriptor of the tree, read-only, mounted nowhere. Raises KernelError."""
        return mount(self.overlay())


class Snapshots:
    """The unpacked layers of the images in `store`. For one thread, as the store is."""

    def __init__(self, store: ImageStore) -> None:
        self.store = store
        self.root = f"{store.root}/snapshots"
        self.layers, self.new = f"{self.root}/layers", f"{self.root}/new"
        self.trash, self.empty = f"{self.root}/trash", f"{self.root}/empty"
        self.holdings = f"{store.root}/containers"
        self._boot = _boot_id()
        try:
            for path in (self.layers, self.new, self.trash, self.empty, self.holdings):
                os.makedirs(path, 0o700, exist_ok=True)
        except OSError as error:
            raise KernelError(f"make {error.filename}", error.errno or 0) from error

    def directory(self, name: str) -> str:
        """Where the layer of this name is, or would be."""
        return f"{self.layers}/{name}"

    def find(self, image: Local) -> Stack | None:
        """The image's root file system if all of it is here."""
        rows = {row.name: row for row in self.store.metadata.snapshots() if self._counts(row)}
        # What was unpacked for overlays is of no use where none can be mounted any more.
        return self._flat(image, rows) or (None if self.why_flat() else self._layered(image, rows))

    def prepare(
        self, image: Local, *, limits: Limits | None = None, workers: int = 0,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Stack:  # fmt: skip
        """The image's root file system; what is missing of it is unpacked.

        Somebody else who unpacks the same layer at this moment is waited for. Parameters: `limits` are those of one
        layer, None for the usual ones; `workers` is how many layers are unpacked at a time, 0 for one a processor;
        `progress` is told how many layers are there of how many.
        Raises ImageError for what is wrong with the image, KernelError for the machine, StateError; layers that are
        whole stay, and nothing else.
        """
        while True:
            with self.no_collection():
                stack = self.find(image)
            if stack is not None:
                self._keep(image, stack.names)
                return stack
            self._make(image, limits, workers or os.cpu_count() or 1, progress)
            # What was in the way: of an earlier boot, or of a crash.
            if os.listdir(self.trash):
                self.empty_trash()

    def _make(self, image: Local, limits: Limits | None, workers: int, progress: Callable[[int, int], None]) -> None:
        from firkin.oci.layers.unpack import DEFAULT_LIMITS
        from firkin.oci.snapshots.image import make_flat, make_layers

        top = (chain_ids(layer.diff_id for layer in image.layers) or ["none"])[-1]
        # Two who want the same image share all of the work; the layers have locks of their own.
        place = f"{self.new}/image-{top.replace(':', '-')}"
        try:
            lock = lock_directory(place, lambda: False)
        except OSError as error:
            raise KernelError(f"lock {place}", error.errno or 0) from error
        try:
            if self.find(image) is None:
                if not image.layers or self.why_flat():
                    make_flat(self, image, limits or DEFAULT_LIMITS, progress)
                else:
                    make_layers(self, image, limits or DEFAULT_LIMITS, workers, progress)
        finally:
            remove_tree(place)
            os.close(lock)

    def _counts(self, row: Snapshot) -> bool:
        return row.boot in ("", self._boot) and os.path.isdir(self.directory(row.name))

    def _flat(self, image: Local, rows: dict[str, Snapshot]) -> Stack | None:
        chain = chain_ids(layer.diff_id for layer in image.layers)
        name = flat(chain[-1] if chain else "none")
        if name not in rows:
            return None
        return Stack((name,), (self.directory(name),), self.directory(name), self.empty, True)

    def _layered(self, image: Local, rows: dict[str, Snapshot]) -> Stack | None:
        names = []
        for diff_id, chain_id in self._ids(image):
            name = next((name for name in (standalone(diff_id), chained(chain_id)) if name in rows), None)
            if name is None:
                return None
            names.append(name)
        # Of a layer that occurs twice the upper one hides all of the lower; overlayfs does not take it twice.
        names = list(dict.fromkeys(reversed(names)))
        root = next((self.directory(name) for name in names if rows[name].tells_root), "")
        return Stack(tuple(names), tuple(map(self.directory, names)), root, self.empty, False) if names else None

    @staticmethod
    def _ids(image: Local) -> list[tuple[str, str]]:
        diff_ids = [layer.diff_id for layer in image.layers]
        return list(zip(diff_ids, chain_ids(diff_ids), strict=True))

    def _keep(self, image: Local, names: Iterable[str]) -> None:
        # As long as the image's configuration stays, its layers do.
        metadata, keeper = self.store.metadata, image.manifest.config.digest
        missing = {item(name) for name in names} - set(metadata.children(keeper))
        if missing:
            with metadata.transaction():
                metadata.refer(keeper, missing)

    def has(self, name: str) -> bool:
        """Whether the layer of this name is here, whole."""
        row = self.store.metadata.snapshot(name)
        return row is not None and self._counts(row)

    def forget(self, name: str) -> None:
        """Make room for a layer where something else is in its place: what a crash left, or an earlier boot.

        Raises KernelError, StateError.
        """
        if not os.path.isdir(self.directory(name)):
            return
        try:
            with self.store.metadata.transaction():
                if not self.has(name):
                    self.dispose(self.directory(name))
                    self.store.metadata.remove_snapshot(name)
        except OSError as error:
            raise KernelError(f"remove {self.directory(name)}", error.errno or 0) from error

    def publish(self, name: str, made: Made, keeper: str) -> None:
        """Put a layer in its place, unless somebody else was faster. `keeper` is the blob that keeps it.

        Raises KernelError, StateError; then the layer is gone.
        """
        metadata = self.store.metadata
        try:
            with metadata.transaction():
                if not self.has(name):
                    self.dispose(self.directory(name))
                    os.rename(made.making.path, self.directory(name))
                    usage = made.usage
                    metadata.add_snapshot(Snapshot(name, usage.bytes, usage.inodes, made.tells_root, self._boot))
                metadata.refer(keeper, [item(name)])
        except OSError as error:
            raise KernelError(f"move a layer to {self.directory(name)}", error.errno or 0) from error
        finally:
            made.making.close()

    def dispose(self, path: str) -> None:
        """Move what is at a path out of the way, to be removed by `empty_trash`. Raises OSError."""
        try:
            os.rename(path, f"{self.trash}/{os.urandom(16).hex()}")
        except FileNotFoundError:
            return

    def empty_trash(self) -> None:
        """Remove what was disposed of. Raises KernelError."""
        fd = lock_directory(self.trash, lambda: False)
        try:
            for name in os.listdir(self.trash):
                remove_tree(f"{self.trash}/{name}")
        finally:
            os.close(fd)

    def settle(self) -> None:
        """Write all layers to disk. Before that they count only until the machine is started anew.

        It writes out the whole file system, so it is for moments when nobody waits. Raises KernelError, StateError.
        """
        open_rows = [row.name for row in self.store.metadata.snapshots() if row.boot == self._boot]
        if not open_rows:
            return
        fd = os.open(self.root, _DIRECTORY)
        try:
            sync(fd)
        finally:
            os.close(fd)
        with self.store.metadata.transaction():
            self.store.metadata.settle_snapshots(open_rows)

    def usage(self, image: Local) -> Usage | None:
        """What the image's layers take up, shared ones in full; None if it is not unpacked."""
        stack = self.find(image)
        if stack is None:
            return None
        rows = [row for name in stack.names if (row := self.store.metadata.snapshot(name))]
        return Usage(sum(row.bytes for row in rows), sum(row.inodes for row in rows))

    def total(self) -> Usage:
        """What all layers take up together."""
        rows = self.store.metadata.snapshots()
        return Usage(sum(row.bytes for row in rows), sum(row.inodes for row in rows))

    def why_flat(self) -> str:
        """Why containers get copies, and no overlays; "" if they do get those. Raises KernelError."""
        return why_no_overlay(self.root)

    @contextmanager
    def no_collection(self) -> Iterator[None]:
        """No layer is removed meanwhile; for moments, in which it is looked what is there."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def collection(self) -> Iterator[None]:
        """The opposite: nobody looks what is there."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        fd = os.open(self.root, _DIRECTORY)
        try:
            fcntl.flock(fd, how)
            yield
        finally:
            os.close(fd)

    def counted(self) -> list[Snapshot]:
        """All layers that are recorded as whole."""
        return [row for row in self.store.metadata.snapshots() if row.boot in ("", self._boot)]


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
