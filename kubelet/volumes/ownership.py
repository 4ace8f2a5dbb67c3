"""The group that the files of a volume belong to (fsGroup, fsGroupChangePolicy).

Source: PodSecurityContext of the Kubernetes API: everything belongs to the group, which may write unless the volume is
read-only; new files get the group by the set-group-id bit of directories.
"""

from __future__ import annotations

import os
import stat

__all__ = ["set_group"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITABLE = 0o660
_READ_ONLY = 0o440
_SEARCHABLE = 0o110


def set_group(path: str, group: int, *, read_only: bool = False, on_root_mismatch: bool = False) -> None:
    """Give a tree to `group`; symbolic links are not followed, other file systems are left alone.

    Parameters: with `on_root_mismatch` nothing is done if the directory itself is as it must be: it is changed last.
    Raises OSError.
    """
    fd = os.open(path, _DIRECTORY)
    try:
        if not (on_root_mismatch and _is_done(os.fstat(fd), group, read_only=read_only)):
            _walk(fd, group, read_only=read_only)
    finally:
        os.close(fd)


def _is_done(status: os.stat_result, group: int, *, read_only: bool) -> bool:
    wanted = _mode(status, read_only=read_only)
    return status.st_gid == group and wanted == stat.S_IMODE(status.st_mode)


def _walk(root: int, group: int, *, read_only: bool) -> None:
    device = os.fstat(root).st_dev
    # By descriptors, from below: what a pod puts in the way of a path meanwhile is not followed.
    for _, _, names, directory in os.fwalk(".", topdown=False, dir_fd=root, follow_symlinks=False):
        if os.fstat(directory).st_dev != device:
            continue
        for name in names:
            _change(directory, name, group, read_only=read_only)
        _change_open(directory, group, read_only=read_only)


def _change(directory: int, name: str, group: int, *, read_only: bool) -> None:
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            os.chown(name, -1, group, dir_fd=directory, follow_symlinks=False)
        else:
            _change_open(fd, group, read_only=read_only)
    finally:
        os.close(fd)


def _change_open(fd: int, group: int, *, read_only: bool) -> None:
    # A descriptor that is a path alone can be changed by its name in /proc. The change of the group takes set-id bits.
    status, name = os.fstat(fd), f"/proc/self/fd/{fd}"
    os.chown(name, -1, group)
    os.chmod(name, _mode(status, read_only=read_only))


def _mode(status: os.stat_result, *, read_only: bool) -> int:
    more = _READ_ONLY if read_only else _WRITABLE
    if stat.S_ISDIR(status.st_mode):
        more |= stat.S_ISGID | _SEARCHABLE
    return stat.S_IMODE(status.st_mode) | more
