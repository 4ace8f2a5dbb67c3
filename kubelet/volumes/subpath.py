"""Parts of volumes (subPath): opened once, below the volume, and bound by descriptor.

The volume belongs to the pod, which may put symbolic links there, and change them, at any time: so nothing is checked
by path. What is opened can not lie outside, and what is bound is what was opened.
Source: CVE-2017-1002101, CVE-2021-25741; openat2(2), RESOLVE_BENEATH.
"""

from __future__ import annotations

import os
import stat

from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.mounting import bind, is_mount, open_below, unmount

__all__ = ["bind_part", "check_part"]


def check_part(path: str, volume: str) -> str:
    """`path`, if it is relative and goes nowhere up. Raises VolumeError of `volume`, with the words of Kubernetes."""
    if path.startswith("/"):
        raise VolumeError(f"error SubPath `{path}` must not be an absolute path", volume=volume)
    if ".." in path.split("/"):
        raise VolumeError(f"unable to provision SubPath `{path}`: must not contain '..'", volume=volume)
    return path


def bind_part(volume: str, path: str, target: str) -> None:
    """Bind what `path` is in `volume` to `target`, made as a directory, with the mode of the volume, if it is missing.

    What was bound there before is replaced. Raises OSError: EXDEV if the path leads out of the volume; KernelError.
    """
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        part = _open_or_make(root, path)
    finally:
        os.close(root)
    try:
        _make_target(target, is_directory=stat.S_ISDIR(os.fstat(part).st_mode))
        bind(part, target)
    finally:
        os.close(part)


def _open_or_make(root: int, path: str) -> int:
    try:
        return open_below(root, path)
    except FileNotFoundError:
        _make(root, path)
        return open_below(root, path)


def _make(root: int, path: str) -> None:
    mode = stat.S_IMODE(os.fstat(root).st_mode)
    parent = open_below(root, ".")
    try:
        done = ""
        for name in (part for part in path.split("/") if part not in ("", ".")):
            _make_one(parent, name, mode)
            done = f"{done}/{name}".lstrip("/")
            child = open_below(root, done, os.O_PATH | os.O_DIRECTORY)
            os.close(parent)
            parent = child
    finally:
        os.close(parent)


def _make_one(parent: int, name: str, mode: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return
    # The umask has no say.
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _make_target(target: str, *, is_directory: bool) -> None:
    # Mounts that a crash, or the container before this one, left.
    while is_mount(target):
        unmount(target)
    os.makedirs(os.path.dirname(target), mode=0o750, exist_ok=True)
    if os.path.lexists(target) and os.path.isdir(target) is not is_directory:
        (os.rmdir if os.path.isdir(target) else os.unlink)(target)
    if is_directory:
        os.makedirs(target, mode=0o750, exist_ok=True)
    else:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640))
