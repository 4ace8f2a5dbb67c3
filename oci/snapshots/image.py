"""Unpacking what is missing of an image: layers at the same time, each in a directory of its own.

Layers are independent of each other in nearly all images, so each is unpacked alone, in any order. What one needs to
know of those below it is looked up at last, from below upwards.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from firkin.errors import KernelError
from firkin.oci.layers.unpack import Limits
from firkin.oci.snapshots.layer import Made, StoppedError, Unpacker, finish, look_at
from firkin.oci.snapshots.making import Making
from firkin.oci.snapshots.names import chain_ids, chained, flat, standalone
from firkin.oci.snapshots.overlay import mount, read_only
from firkin.oci.store.images import Layer, Local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.snapshots.store import Snapshots

__all__ = ["make_flat", "make_layers"]

Progress = Callable[[int, int], None]


def make_layers(snapshots: Snapshots, image: Local, limits: Limits, workers: int, progress: Progress) -> None:
    """Unpack what is missing of the image, `workers` layers at a time. Raises as `Snapshots.prepare`."""
    work = _Work(snapshots, image, limits, progress)
    with _errors_of_the_machine(image.name):
        work.unpack(workers)
        work.complete()


def make_flat(snapshots: Snapshots, image: Local, limits: Limits, progress: Progress) -> None:
    """Unpack all layers of the image into one directory. Raises as `Snapshots.prepare`."""
    chain = chain_ids(layer.diff_id for layer in image.layers)
    name = flat(chain[-1] if chain else "none")
    unpacker = Unpacker(snapshots.store.content, image.name, limits, lambda: False)
    with _errors_of_the_machine(image.name):
        making = Making.anonymous(snapshots.new)
        try:
            root = making.open()
            try:
                for number, layer in enumerate(image.layers):
                    progress(number, len(image.layers))
                    unpacker.write(layer, root, "remove")
                made = finish(making, root, ())
            finally:
                os.close(root)
        except BaseException:
            making.close()
            raise
        snapshots.publish(name, made, image.manifest.config.digest)
    progress(len(image.layers), len(image.layers))


@contextmanager
def _errors_of_the_machine(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KernelError(f"unpack {name}", error.errno or 0) from error
    except KernelError as error:
        # Such as of the metadata, which knows of no image.
        if name in error.what:
            raise
        raise KernelError(f"unpack {name}: {error.what}", error.errno, hint=error.hint) from error


class _Work:
    # The layers of one image with their chain ids, the lowest first; `waiting` are those, by diff id, that are written,
    # but need to know what lies below.

    def __init__(self, snapshots: Snapshots, image: Local, limits: Limits, progress: Progress) -> None:
        self._snapshots = snapshots
        self._image = image
        self._limits = limits
        self._progress = progress
        self._stop = threading.Event()
        self._unpacker = Unpacker(snapshots.store.content, image.name, limits, self._stop.is_set)
        chain = chain_ids(layer.diff_id for layer in image.layers)
        self._layers = list(zip(image.layers, chain, strict=True))
        self._waiting: dict[str, Made] = {}
        self._keeper = image.manifest.config.digest

    def _missing(self) -> list[Layer]:
        # A layer that occurs twice is unpacked once.
        found = {layer.diff_id: layer for layer, chain_id in self._layers if not self._name(layer, chain_id)}
        return list(found.values())

    def _name(self, layer: Layer, chain_id: str) -> str:
        names = (standalone(layer.diff_id), chained(chain_id))
        return next((name for name in names if self._snapshots.has(name)), "")

    def unpack(self, workers: int) -> None:
        """Unpack what is missing, and publish what stands alone."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        missing = self._missing()
        for layer in missing:
            self._snapshots.forget(standalone(layer.diff_id))
        pool = ThreadPoolExecutor(min(workers, max(len(missing), 1)))
        futures = {pool.submit(self._make, layer): layer for layer in missing}
        taken = set()
        try:
            for done, future in enumerate(as_completed(futures), len(self._image.layers) - len(missing)):
                self._progress(done, len(self._image.layers))
                taken.add(future)
                self._take(futures[future], future.result())
        except BaseException:
            self._stop.set()
            self._abandon()
            raise
        finally:
            # The first error tells; the others are made to stop, and their directories are removed.
            pool.shutdown(cancel_futures=True)
            for future in futures.keys() - taken:
                if not future.cancelled() and not future.exception() and (made := future.result()):
                    made.making.close()

    def _make(self, layer: Layer) -> Made | None:
        # In a thread of its own, so without the database.
        if self._stop.is_set():
            raise StoppedError(f"{self._image.name}: another layer can not be unpacked")
        final = self._snapshots.directory(standalone(layer.diff_id))
        making = Making.begin(self._snapshots.new, standalone(layer.diff_id), lambda: os.path.isdir(final))
        if making is None:
            return None
        made = self._unpacker.make(layer, making)
        # Nobody may wait for it who is waited for here.
        return made._replace(making=making.go_private()) if made.implied else made

    def _take(self, layer: Layer, made: Made | None) -> None:
        if made is None:
            return
        if made.needs_below:
            self._waiting[layer.diff_id] = made
        else:
            self._snapshots.publish(standalone(layer.diff_id), made, self._keeper)

    def _abandon(self) -> None:
        for made in self._waiting.values():
            made.making.close()

    def complete(self) -> None:
        """Publish what needs to know what lies below, from below upwards."""
        below: list[str] = []
        try:
            if not self._is_complete():
                return
            for layer, chain_id in self._layers:
                name = self._name(layer, chain_id)
                if not name:
                    name = chained(chain_id)
                    self._snapshots.publish(name, self._whole(layer, below), self._keeper)
                directory = self._snapshots.directory(name)
                below = [directory, *(path for path in below if path != directory)]
        finally:
            self._abandon()

    def _is_complete(self) -> bool:
        # Somebody else may have put a layer in its place without recording it yet: after a transaction it is, or that
        # one has died, and all begins again.
        with self._snapshots.store.metadata.transaction():
            return all(layer.diff_id in self._waiting for layer in self._missing())

    def _whole(self, layer: Layer, below: list[str]) -> Made:
        made = self._waiting.pop(layer.diff_id, None)
        if made is None:
            made = self._unpacker.make(layer, Making.anonymous(self._snapshots.new))
        try:
            if self._look_at(made, below):
                return made
        except BaseException:
            made.making.close()
            raise
        made.making.close()
        making = Making.anonymous(self._snapshots.new)
        return self._unpacker.make_over(layer, making, below) if below else self._unpacker.make_lowest(layer, making)

    def _look_at(self, made: Made, below: list[str]) -> bool:
        if not below:
            return look_at(made, -1)
        tree = mount(read_only(below, self._snapshots.empty))
        try:
            return look_at(made, tree)
        finally:
            os.close(tree)
