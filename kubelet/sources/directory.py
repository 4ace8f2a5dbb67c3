"""A directory of manifests, watched by inotify: a file counts when it has been written, not while it is."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable

from firkin.kubelet.inotify import (
    CLOSE_WRITE,
    CREATE,
    DELETE,
    DELETE_SELF,
    MOVE_SELF,
    MOVED_FROM,
    MOVED_TO,
    FileNotices,
)
from firkin.kubelet.sources.manifest import Manifest, read_manifest

__all__ = ["Directory"]

_ENTRIES = CLOSE_WRITE | MOVED_FROM | MOVED_TO | DELETE | CREATE | DELETE_SELF | MOVE_SELF
_PARENT = CREATE | MOVED_TO | DELETE_SELF | MOVE_SELF
_LARGEST = 10 << 20
# Not every file system tells: one on another machine does not.
_RESCAN = 60.0


class Directory:
    """The manifests in the directory `path`, all files but those whose names begin with a dot.

    `changed` is called with the manifests by path, again whenever they are others. A file that can not be read as
    YAML or JSON counts as what it was before, as it may be half-written; one that is gone is gone.
    """

    def __init__(self, path: str, node: str, changed: Callable[[dict[str, Manifest]], None]) -> None:
        self._path = path
        self._node = node
        self._changed = changed
        self._read: dict[str, tuple[tuple[int, ...], Manifest]] = {}
        self._told: dict[str, Manifest] | None = None

    async def run(self) -> None:
        """Watch until cancelled. Raises KernelError if there are too many watches."""
        with FileNotices() as notices:
            while True:
                # Watched before it is read: what comes meanwhile is read again.
                self._watch(notices)
                self._scan()
                try:
                    async with asyncio.timeout(_RESCAN):
                        await notices.read()
                except TimeoutError:
                    pass

    def _watch(self, notices: FileNotices) -> None:
        # Where it is not there yet: the nearest directory above.
        path, mask = self._path, _ENTRIES
        while not os.path.isdir(path):
            path, mask = os.path.dirname(path), _PARENT
        notices.watch(path, mask)

    def _scan(self) -> None:
        try:
            names = sorted(name for name in os.listdir(self._path) if not name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            # What can not be seen is not gone.
            return self._tell({**(self._told or {}), self._path: _failed(self._path, error)})
        paths = [f"{self._path}/{name}" for name in names]
        self._read = {path: one for path, one in self._read.items() if path in paths}
        manifests = {path: manifest for path in paths if (manifest := self._manifest(path)) is not None}
        return self._tell(manifests)

    def _tell(self, manifests: dict[str, Manifest]) -> None:
        if manifests != self._told:
            self._told = manifests
            self._changed(manifests)

    def _manifest(self, path: str) -> Manifest | None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            # Gone between the two, or a link to nothing.
            return None
        except OSError as error:
            return self._kept(path, _failed(path, error))
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return None
            version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._read.get(path)
            if known is not None and known[0] == version:
                return known[1]
            manifest = self._kept(path, self._parse(fd, path, status.st_size))
            self._read[path] = (version, manifest)
            return manifest
        except OSError as error:
            return self._kept(path, _failed(path, error))
        finally:
            os.close(fd)

    def _parse(self, fd: int, path: str, size: int) -> Manifest:
        if size > _LARGEST:
            return Manifest((), (f"{path}: has more than {_LARGEST} bytes",), is_whole=False)
        with os.fdopen(os.dup(fd), "rb") as file:
            text = file.read(_LARGEST)
        return read_manifest(text, path, source="file", node=self._node)

    def _kept(self, path: str, manifest: Manifest) -> Manifest:
        before = self._read.get(path)
        if manifest.is_whole or before is None:
            return manifest
        return Manifest(before[1].items, manifest.complaints, is_whole=False)


def _failed(path: str, error: OSError) -> Manifest:
    return Manifest((), (f"{path}: can not be read: {error.strerror}",), is_whole=False)
