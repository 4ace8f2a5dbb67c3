"""One layer in a directory of its own: unpacked from its blob, and what it takes up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from firkin.errors import ImageError
from firkin.oci.layers.unpack import Limits, MissingTargetError, Unpacked, file_chunks, unpack
from firkin.oci.snapshots.implied import DEFAULT_MODE, complete, is_told
from firkin.oci.snapshots.making import Making
from firkin.oci.snapshots.overlay import Overlay, mount, overlay_options
from firkin.oci.snapshots.trees import Usage, measure
from firkin.oci.store.content import ContentStore
from firkin.oci.store.images import Layer

__all__ = ["Made", "StoppedError", "Unpacker", "finish", "look_at"]


class StoppedError(ImageError):
    """Somebody else failed, and this is not needed any more."""


class Made(NamedTuple):
    """A layer that is written, in a directory that is not yet in its place.

    `needs_below` says that what lies below the layer is still to be looked at: for the directories of `implied`, or,
    where `is_partial`, for all of it; then there is no directory yet.
    """

    making: Making
    usage: Usage
    tells_root: bool
    implied: Sequence[str]
    is_partial: bool = False

    @property
    def needs_below(self) -> bool:
        """Whether the layer is not whole without those below it."""
        return bool(self.implied) or self.is_partial


class Unpacker:
    """Unpacks layers of one image: `name` is the image's in errors, `is_stopped` ends all of it early."""

    def __init__(self, content: ContentStore, name: str, limits: Limits, is_stopped: Callable[[], bool]) -> None:
        self._content = content
        self._name = name
        self._limits = limits
        self._is_stopped = is_stopped

    def write(self, layer: Layer, directory: int, whiteouts: Literal["overlay", "remove"]) -> Unpacked:
        """Write a layer below the open directory. Raises ImageError, KernelError, NotFoundError, StoppedError."""
        blob = self._content.open(layer.blob.digest)
        try:
            name = f"{self._name}: layer {layer.diff_id}"
            return unpack(self._chunks(blob), layer.compression, layer.diff_id, directory, whiteouts=whiteouts,
                          name=name, limits=self._limits)  # fmt: skip
        finally:
            os.close(blob)

    def _chunks(self, blob: int) -> Iterator[bytes]:
        for chunk in file_chunks(blob):
            if self._is_stopped():
                raise StoppedError(f"{self._name}: another layer can not be unpacked")
            yield chunk

    def make(self, layer: Layer, making: Making) -> Made:
        """Write a layer alone, without those below it. Raises as `write`; then the directory is gone."""
        # What it refers to may lie below.
        try:
            return self.make_lowest(layer, making)
        except MissingTargetError:
            return Made(making, Usage(0, 0), False, (), is_partial=True)

    def make_lowest(self, layer: Layer, making: Making) -> Made:
        """Write a layer that nothing lies below. Raises as `write`; then the directory is gone."""
        try:
            root = making.open()
            try:
                return finish(making, root, self.write(layer, root, "overlay").implied)
            finally:
                os.close(root)
        except BaseException:
            making.close()
            raise

    def make_over(self, layer: Layer, making: Making, below: Sequence[str]) -> Made:
        """Write a layer over those below it, as a container would: whatever it refers to is there.

        Parameters: `below` are directories, the uppermost first. Raises as `write`; then the directory is gone.
        """
        try:
            os.mkdir(making.work, 0o700)
            upper, merged = making.open(), -1
            try:
                merged = mount(Overlay(below, making.path, making.work, options=overlay_options(writable=True)))
                self.write(layer, merged, "remove")
                return finish(making, upper, ())
            finally:
                if merged >= 0:
                    os.close(merged)
                os.close(upper)
        except BaseException:
            making.close()
            raise


def finish(making: Making, root: int, implied: Sequence[str]) -> Made:
    """What was written below the open `root`, whose mode becomes the usual one if no entry told it."""
    tells_root = is_told(root)
    if not tells_root:
        os.fchmod(root, DEFAULT_MODE)
    return Made(making, measure(root, making.path), tells_root, implied)


def look_at(made: Made, below: int) -> bool:
    """Complete what the layer does not say itself from the open root of what lies below it, -1 for nothing.

    Returns False if that is not enough, and the layer must be made over those below. Raises KernelError.
    """
    if made.is_partial:
        return False
    root = made.making.open()
    try:
        return complete(root, below, made.implied)
    finally:
        os.close(root)
