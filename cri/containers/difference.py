"""What a container has changed of its root file system, as the changeset of a layer (layer.md of the image format).

It is read from the upper directory of its overlay, in which nobody writes meanwhile: the container is frozen.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from typing import IO

from firkin.errors import UnsupportedError

__all__ = ["write_difference"]

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_OWN_ATTRIBUTES = ("trusted.overlay.", "user.overlay.")
_SOCKET = stat.S_IFSOCK


def write_difference(holding: str, output: IO[bytes]) -> list[str]:
    """Write the archive; returns the paths that the container has removed.

    Parameters: `holding` is the directory of the container's files (`firkin.oci.snapshots.holding`).
    Raises UnsupportedError if its root is no overlay, OSError.
    """
    upper = f"{holding}/upper"
    if not os.path.isdir(upper):
        reason = "the root of the container is a copy of its image, of which nobody knows what is new"
        raise UnsupportedError("", reason, document="CheckpointContainerRequest")
    removed: list[str] = []
    links: dict[tuple[int, int], str] = {}
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path, directory, name in _entries(upper):
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                removed.append(f"/{path}")
                archive.addfile(_mark(path, f"{_WHITEOUT}{name}"))
            elif stat.S_IFMT(status.st_mode) != _SOCKET:
                _add(archive, path, directory, name, status, links)
    return removed


def _entries(upper: str) -> Iterator[tuple[str, int, str]]:
    # Each with a descriptor of its directory: names in a container's file system are followed by nobody.
    for top, directories, files, descriptor in os.fwalk(upper, follow_symlinks=False):
        inside = os.path.relpath(top, upper)
        for name in sorted((*directories, *files)):
            yield (name if inside == "." else f"{inside}/{name}"), descriptor, name


def _add(
    archive: tarfile.TarFile, path: str, directory: int, name: str, status: os.stat_result,
    links: dict[tuple[int, int], str],
) -> None:  # fmt: skip
    entry = _entry(path, status)
    if stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=directory)
        archive.addfile(entry)
        return
    key = (status.st_dev, status.st_ino)
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        if key in links:
            entry.type, entry.linkname = tarfile.LNKTYPE, links[key]
            archive.addfile(entry)
            return
        links[key] = path
    _add_opened(archive, entry, directory, name, status)


def _add_opened(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, directory: int, name: str, status: os.stat_result
) -> None:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        archive.addfile(entry)
        return
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        is_opaque = _take_attributes(fd, entry)
        if stat.S_ISDIR(status.st_mode):
            archive.addfile(entry)
            if is_opaque:
                archive.addfile(_mark(f"{entry.name}/x", _OPAQUE))
            return
        entry.size = os.fstat(fd).st_size
        with open(fd, "rb", closefd=False) as file:
            archive.addfile(entry, file)
    finally:
        os.close(fd)


def _take_attributes(fd: int, entry: tarfile.TarInfo) -> bool:
    # Whether the directory hides what lies below it; all other attributes go into the entry.
    is_opaque, found = False, {}
    for name in os.listxattr(fd):
        if name.startswith(_OWN_ATTRIBUTES):
            is_opaque |= name.endswith("overlay.opaque") and os.getxattr(fd, name) == b"y"
        else:
            found[f"SCHILY.xattr.{name}"] = os.getxattr(fd, name).decode("utf-8", "surrogateescape")
    entry.pax_headers = found
    return is_opaque


_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE, stat.S_IFBLK: tarfile.BLKTYPE, stat.S_IFLNK: tarfile.SYMTYPE,
}  # fmt: skip


def _entry(path: str, status: os.stat_result) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type = _TYPES[stat.S_IFMT(status.st_mode)]
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.uid, entry.gid = status.st_uid, status.st_gid
    entry.mtime = status.st_mtime
    entry.devmajor, entry.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return entry


def _mark(path: str, name: str) -> tarfile.TarInfo:
    # An empty file beside `path`, that says something about it.
    return tarfile.TarInfo(os.path.join(os.path.dirname(path), name))
