"""What belongs to one container: the tree it runs in, its volumes, and which layers it keeps.

    ROOT/containers/NAME/holding.json   who holds it, and what it keeps
    ROOT/containers/NAME/rootfs         the root file system, or the place where an overlay is shown to hooks
    ROOT/containers/NAME/upper, work    what is written over the layers
    ROOT/containers/NAME/volumes/N      directories of their own in the place of some of the root file system

A holding lives as long as somebody has it locked, or the *holder*, a file of its owner's choice such as a container's
record, has its name in it. So an owner makes the holding, writes its record, and unlocks; to end it the holding is
removed before the record. A process that dies in between leaves what garbage collection knows to be nobody's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self

from firkin.errors import ConfigError, KernelError
from firkin.oci._resolve import lib
from firkin.oci.json_text import dump, parse
from firkin.oci.snapshots.implied import DEFAULT_MODE, make_alike
from firkin.oci.snapshots.making import lock_directory
from firkin.oci.snapshots.names import chain_ids, chained, flat, standalone
from firkin.oci.snapshots.overlay import Overlay, overlay_options
from firkin.oci.snapshots.probe import why_no_mapped_layers
from firkin.oci.snapshots.store import Snapshots, Stack
from firkin.oci.snapshots.trees import Ids, copy_tree, remove_tree
from firkin.oci.store.images import Local

if TYPE_CHECKING:
    from firkin.oci.layers.unpack import Limits

__all__ = ["Held", "Holding", "Root", "read_holding"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 4 << 20


class Root(NamedTuple):
    """A tree to run a container in: a directory, which has all of it, or shows `overlay` when that is mounted there."""

    path: str
    overlay: Overlay | None


class Held(NamedTuple):
    """What a holding says of itself: its holder, the container's name, its images (name, digest of configuration)."""

    holder: str
    container: str
    images: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]


class Holding:
    """The holding of one container, locked by this object; `path` is its directory.

    As a context manager it is unlocked at the end, and removed before that if an exception ends it.
    """

    def __init__(self, snapshots: Snapshots, holder: str, container: str) -> None:
        """Make one. Raises KernelError."""
        self._snapshots = snapshots
        self._held = Held(holder, container, (), ())
        self.name = os.urandom(16).hex()
        self.path = f"{snapshots.holdings}/{self.name}"
        try:
            self._fd = lock_directory(self.path, lambda: False)
        except OSError as error:
            raise KernelError(f"make {self.path}", error.errno or 0) from error
        self._is_written = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_exc: object) -> None:
        if kind is None:
            self.close()
        else:
            self.remove()

    def close(self) -> None:
        """Unlock: from here on the holder keeps it. Raises KernelError; then it is removed."""
        if self._fd >= 0 and not self._is_written:
            try:
                self._write()
            except BaseException:
                self.remove()
                raise
        self._unlock()

    def _unlock(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Remove it with all that is in it. Raises KernelError."""
        try:
            remove_tree(self.path)
        finally:
            self._unlock()

    def take(
        self, image: Local, *, limits: Limits | None = None, workers: int = 0,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Stack:  # fmt: skip
        """The layers of an image, unpacked if need be, which stay for as long as the holding does.

        Parameters and errors are those of `Snapshots.prepare`.
        """
        diff_ids = [layer.diff_id for layer in image.layers]
        chain = chain_ids(diff_ids)
        # They are kept before it is looked whether they are there.
        names = [*map(standalone, diff_ids), *map(chained, chain), flat(chain[-1] if chain else "none")]
        kept = (image.name, image.manifest.config.digest)
        held = self._held
        self._held = held._replace(images=(*held.images, kept), layers=(*held.layers, *names))
        self._write()
        return self._snapshots.prepare(image, limits=limits, workers=workers, progress=progress)

    def _write(self) -> None:
        path = f"{self.path}/holding.json"
        try:
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                file.write(dump(self._held._asdict()))
            os.rename(f"{path}.new", path)
        except OSError as error:
            raise KernelError(f"write {path}", error.errno or 0) from error
        self._is_written = True

    def make_root(self, stack: Stack, ids: Ids | None = None) -> Root:
        """The tree in which the container runs, and which it may change.

        It is an overlay, or a copy where no overlay is possible. Parameters: `ids` are the maps of the container's user
        namespace, None if it has none: with an overlay the plan maps the layers' ids, a copy has them mapped already.
        Raises KernelError, ImageError for ids that are not mapped.
        """
        try:
            os.mkdir(f"{self.path}/rootfs", DEFAULT_MODE)
            if self.why_copied(stack, ids):
                self._copy(stack, f"{self.path}/rootfs", ids)
                return Root(f"{self.path}/rootfs", None)
            for name in ("upper", "work"):
                os.mkdir(f"{self.path}/{name}", DEFAULT_MODE)
            self._liken_upper(stack.root, ids)
        except OSError as error:
            raise KernelError(f"make {self.path}/rootfs", error.errno or 0) from error
        options = overlay_options(writable=True)
        overlay = Overlay(stack.directories, f"{self.path}/upper", f"{self.path}/work", options=options)
        return Root(f"{self.path}/rootfs", overlay)

    def why_copied(self, stack: Stack, ids: Ids | None = None) -> str:
        """Why a root of these layers is a copy; "" if it is an overlay. Raises KernelError."""
        if stack.is_flat:
            return self._snapshots.why_flat()
        return why_no_mapped_layers(self._snapshots.root) if ids else ""

    def _liken_upper(self, root: str, ids: Ids | None) -> None:
        # The root directory of an overlay is what its upper directory is like.
        upper = os.open(f"{self.path}/upper", _DIRECTORY)
        try:
            # Whatever the caller's umask is.
            os.fchmod(upper, DEFAULT_MODE)
            if root:
                _make_alike(root, upper)
            if ids:
                status = os.fstat(upper)
                os.fchown(upper, *ids.map(status.st_uid, status.st_gid))
        finally:
            os.close(upper)

    @staticmethod
    def _copy(stack: Stack, path: str, ids: Ids | None) -> None:
        target = os.open(path, _DIRECTORY)
        try:
            source = stack.open()
            try:
                copy_tree(source, target, path, ids)
            finally:
                os.close(source)
            if stack.root:
                # The root of the layers' overlay is like that of the uppermost, which may say nothing of it.
                _make_alike(stack.root, target)
                if ids:
                    status = os.fstat(target)
                    os.fchown(target, *ids.map(status.st_uid, status.st_gid))
        finally:
            os.close(target)

    def make_volume(self, tree: int, path: str, ids: Ids | None = None) -> str:
        """A directory of its own with what is in `path` below the open root `tree`, or empty if nothing is there.

        `path` is resolved inside of the tree. Returns the directory's path. Raises KernelError, ImageError.
        """
        volumes = f"{self.path}/volumes"
        try:
            os.makedirs(volumes, 0o700, exist_ok=True)
            volume = f"{volumes}/{len(os.listdir(volumes))}"
            os.mkdir(volume, DEFAULT_MODE)
            target = os.open(volume, _DIRECTORY)
            os.fchmod(target, DEFAULT_MODE)
        except OSError as error:
            raise KernelError(f"make a volume for {path}", error.errno or 0) from error
        try:
            source = lib.resolve_open(tree, os.fsencode(path), os.O_RDONLY | os.O_DIRECTORY)
            if source >= 0:
                try:
                    copy_tree(source, target, volume, ids)
                finally:
                    os.close(source)
            elif ids:
                os.fchown(target, *ids.map(0, 0))
        finally:
            os.close(target)
        return volume


def _make_alike(path: str, target: int) -> None:
    source = os.open(path, _DIRECTORY)
    try:
        make_alike(source, target)
    finally:
        os.close(source)


def read_holding(path: str) -> Held | None:
    """What the holding in this directory says of itself; None if its maker died before it said anything."""
    try:
        with open(f"{path}/holding.json", "rb") as file:
            found = parse(file.read(_LARGEST), f"{path}/holding.json")
    except (FileNotFoundError, ConfigError):
        return None
    if not isinstance(found, dict):
        return None
    images = tuple((str(name), str(digest)) for name, digest in found.get("images", ()))
    return Held(str(found.get("holder")), str(found.get("container")), images, tuple(found.get("layers", ())))
