"""Trees of files that images and containers made: removed, measured, copied. The binding of csrc/tree.h.

On the path of `delete`: nothing heavy is imported.
"""

from __future__ import annotations

import errno
import os

from firkin.errors import ImageError, KernelError
from firkin.oci._snapshot import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Ids", "Usage", "copy_tree", "measure", "remove_tree", "sync"]


class Ids:
    """What ids of files become: ranges (first inside, first outside, count), as a user namespace maps them."""

    __slots__ = ("gids", "uids")

    def __init__(self, uids: Sequence[tuple[int, int, int]], gids: Sequence[tuple[int, int, int]]) -> None:
        self.uids = uids
        self.gids = gids

    def map(self, uid: int, gid: int) -> tuple[int, int]:
        """What a user and a group become. Raises ImageError if they are not mapped."""
        return _map(self.uids, "user", uid), _map(self.gids, "group", gid)


class Usage:
    """What files take up: bytes that are allocated, and inodes."""

    __slots__ = ("bytes", "inodes")

    def __init__(self, bytes: int, inodes: int) -> None:
        self.bytes = bytes
        self.inodes = inodes


def remove_tree(path: str) -> None:
    """Remove a file or a directory with all that is in it, however deep; it may be gone. Raises KernelError."""
    place = ffi.new("struct tree_place *")
    _check(lib.tree_remove(-100, os.fsencode(path), place), "remove", path, place)  # AT_FDCWD


def measure(directory: int, path: str) -> Usage:
    """What the open directory takes up, `path` in errors. Raises KernelError."""
    place, usage = ffi.new("struct tree_place *"), ffi.new("struct tree_usage *")
    _check(lib.tree_measure(directory, usage, place), "measure", path, place)
    return Usage(usage.bytes, usage.inodes)


def copy_tree(source: int, target: int, path: str, ids: Ids | None = None) -> None:
    """Copy all that is in one open directory, and what it is like itself, into another, which is empty.

    Owners, modes, times, attributes, holes and hard links are kept, data is shared where the file system can do that.
    Parameters: `path` is the target's in errors; `ids` is what owners become, None leaves them.
    Raises KernelError, ImageError for an owner that is not mapped; what was copied stays.
    """
    place = ffi.new("struct tree_place *")
    # The ranges live as long as these names.
    uids, gids = _ranges(ids.uids if ids else ()), _ranges(ids.gids if ids else ())
    mapping = ffi.new("struct tree_ids *", {"uids": uids, "uid_count": len(uids), "gids": gids, "gid_count": len(gids)})
    _check(lib.tree_copy(source, target, mapping, place), "copy to", path, place)


def sync(directory: int) -> None:
    """Write to disk what the file system of the open directory has not written yet. Raises KernelError."""
    result = lib.tree_sync(directory)
    if result < 0:
        raise KernelError("synchronize the file system of the images", -result)


def _map(ranges: Sequence[tuple[int, int, int]], what: str, id: int) -> int:
    for inside, outside, count in ranges:
        if inside <= id < inside + count:
            return id - inside + outside
    raise ImageError(f"{what} {id} is not mapped in the user namespace", hint="map more ids")


def _ranges(ranges: Sequence[tuple[int, int, int]]) -> Any:
    return ffi.new("struct tree_range[]", list(ranges))


def _check(result: int, verb: str, path: str, place: Any) -> None:
    if result >= 0:
        return
    below = ffi.string(place.path).decode("utf-8", "replace")
    where = f"{path}/{below}" if below else path
    if -result == errno.EOVERFLOW:
        raise ImageError(f"{verb} {where}: its owner is not mapped in the user namespace", hint="map more ids")
    raise KernelError(f"{verb} {where}", -result)
