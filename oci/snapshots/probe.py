"""Whether this kernel mounts overlays on the file system of the images: found out by trying, once a boot."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from firkin.errors import KernelError
from firkin.oci.snapshots.making import Making
from firkin.oci.snapshots.overlay import Overlay, mount, open_users, overlay_options

__all__ = ["why_no_mapped_layers", "why_no_overlay"]


def why_no_overlay(root: str) -> str:
    """Why a container can not be run in an overlay of directories below `root`; "" if it can. Raises KernelError."""
    return _why_not(root, "overlay", _try_overlay)


def why_no_mapped_layers(root: str) -> str:
    """Why layers below `root` can not have ids of a user namespace; "" if they can. Raises KernelError."""
    return _why_not(root, "mapped", _try_mapped)


def _why_not(root: str, what: str, attempt: Callable[[str], None]) -> str:
    # What worked once works until the machine is started anew; what did not is tried again each time.
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    note = f"{root}/works-{what}"
    if _read(note) == boot:
        return ""
    making = Making.anonymous(f"{root}/new")
    try:
        for name in ("lower", "second", "upper", "work"):
            os.mkdir(f"{making.path}/{name}", 0o700)
        try:
            attempt(making.path)
        except KernelError as error:
            return str(error)
        with open(note, "w", encoding="ascii") as file:
            file.write(boot)
    except OSError as error:
        raise KernelError(f"try an overlay in {making.path}", error.errno or 0) from error
    finally:
        making.close()
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _try_overlay(place: str) -> None:
    try:
        os.mknod(f"{place}/lower/whiteout", 0o020000, 0)
        os.close(os.open(f"{place}/second/whiteout", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise KernelError("make a whiteout", error.errno or 0) from error
    options = overlay_options(writable=True)
    lower = (f"{place}/lower", f"{place}/second")
    tree = mount(Overlay(lower, f"{place}/upper", f"{place}/work", options=options))
    try:
        os.stat("whiteout", dir_fd=tree, follow_symlinks=False)
    except FileNotFoundError:
        return
    finally:
        os.close(tree)
    raise KernelError("hide a file by a whiteout", errno.EOPNOTSUPP)


def _try_mapped(place: str) -> None:
    users = open_users(b"0 100000 65536\n", b"0 100000 65536\n")
    try:
        os.close(mount(Overlay((f"{place}/lower", f"{place}/second")), users))
    finally:
        os.close(users)
