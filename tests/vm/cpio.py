"""A writer of cpio archives, in the one form that the kernel unpacks into its initramfs.

Source: Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Entry", "archive", "character_device", "directory", "executable", "text"]

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: `mode` holds type and permissions as in st_mode, `device` a node's major and minor."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str) -> Entry:
    """A directory that all may enter."""
    return Entry(path, stat.S_IFDIR | 0o755)


def executable(path: str, data: bytes) -> Entry:
    """A file that all may execute."""
    return Entry(path, stat.S_IFREG | 0o755, data)


def text(path: str, lines: Iterable[str]) -> Entry:
    """A file of `lines`, each of which gets its line feed."""
    return Entry(path, stat.S_IFREG | 0o644, "".join(f"{line}\n" for line in lines).encode())


def character_device(path: str, major: int, minor: int) -> Entry:
    """A device node for root alone."""
    return Entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive of `entries`, in their order: a directory must stand before what lies in it."""
    out = bytearray()
    for inode, entry in enumerate([*entries, Entry(_TRAILER, 0)], start=1):
        out += _header(inode, entry)
        _pad(out)
        out += entry.data
        _pad(out)
    return bytes(out)


def _header(inode: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    return _MAGIC + b"".join(b"%08X" % field for field in fields) + name


def _pad(out: bytearray) -> None:
    out += bytes(-len(out) % 4)
