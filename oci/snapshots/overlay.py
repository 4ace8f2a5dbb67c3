"""Overlays: trees that lie nowhere, made of directories over each other. The binding of csrc/overlay.h.

On the path of `run`: nothing heavy is imported.
"""

from __future__ import annotations

import os

from firkin.errors import KernelError
from firkin.oci._snapshot import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Overlay", "mount", "open_users", "overlay_options", "read_only"]


class Overlay:
    """An overlay that can be mounted: of itself it is nothing but the paths of directories.

    `lower` are the layers, the uppermost first; `upper` and `work` take what is written, "" for an overlay that is
    read-only. `options` is what fsconfig(2) gets, in the form of the operation `overlay` (csrc/plan.h). `path` is the
    part of it that is meant, resolved inside of it; "" for all of it.
    """

    __slots__ = ("lower", "options", "path", "upper", "work")

    def __init__(
        self, lower: Sequence[str], upper: str = "", work: str = "", *, options: bytes = b"", path: str = ""
    ) -> None:
        self.lower = tuple(lower)
        self.upper = upper
        self.work = work
        self.options = options
        self.path = path


def overlay_options(*, writable: bool) -> bytes:
    """The options of all overlays here.

    Layers are hostile: attributes by which overlayfs redirects a name, or takes the data of another file, are not
    followed, should one ever get past the unpacking. Where trusted attributes need privileges that are not there,
    overlayfs keeps its own in user attributes. What a container writes is never mounted again, so it need not be on
    disk (`volatile`), neither when the container asks for that nor when its mount ends; without this the end of every
    container would write out the whole file system below.
    Source: Documentation/filesystems/overlayfs.rst, "User xattr", "Volatile mount".
    """
    words = ["=redirect_dir\0nofollow", "=metacopy\0off", "=index\0off"]
    if not _is_initial_user_namespace():
        words.append("!userxattr\0")
    if writable:
        words.append("!volatile\0")
    return "".join(f"{word}\0" for word in words).encode()


def read_only(lower: Sequence[str], empty: str, path: str = "") -> Overlay:
    """A read-only overlay of layers, also of one.

    Parameters: `empty` is an empty directory to lie below a single layer, whose whiteouts would show without it; "" for
    a directory that has none. `path` is the part of the overlay that is meant.
    """
    below = (empty,) if empty and len(lower) == 1 else ()
    return Overlay((*lower, *below), options=overlay_options(writable=False), path=path)


def _is_initial_user_namespace() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as map_file:
        return map_file.read().split() == ["0", "0", "4294967295"]


def mount(overlay: Overlay, users: int = -1) -> int:
    """A descriptor of the overlay as a whole, mounted nowhere; it is gone when the descriptor is closed.

    Parameters: `users` is a user namespace whose ids the files of the layers get, -1 for none. Raises KernelError.
    """
    texts = [ffi.new("char[]", os.fsencode(path)) for path in (*overlay.lower, overlay.upper, overlay.work)]
    count = len(overlay.lower)
    lower = ffi.new("char *[]", [*texts[:count], ffi.NULL])
    given = ffi.new("struct overlay *")
    given.lower, given.upper, given.work, given.users = lower, texts[count], texts[count + 1], users
    options = ffi.from_buffer(overlay.options)
    given.options.data, given.options.size = options, len(overlay.options)
    detail = ffi.new("char[256]")
    fd: int = lib.overlay_mount(given, detail, 256)
    if fd < 0:
        said = ffi.string(detail).decode("utf-8", "replace")
        raise KernelError(f"mount an overlay of {count} layers{said and ': ' + said}", -fd)
    return fd


def open_users(uid_map: bytes, gid_map: bytes) -> int:
    """A descriptor of a new user namespace with these maps, in the form of /proc/PID/uid_map. Raises KernelError."""
    # Both live as long as these names.
    uids, gids = ffi.from_buffer(uid_map), ffi.from_buffer(gid_map)
    fd: int = lib.users_open(
        {"data": uids, "size": len(uid_map)},
        {"data": gids, "size": len(gid_map)},
    )
    if fd < 0:
        raise KernelError("make a user namespace to map ids", -fd)
    return fd
