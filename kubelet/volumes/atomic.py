"""Files of a volume that change all at once: the symbolic links of Kubernetes.

VOLUME/..2026_11_25_10_30_00.123456789/KEY     the files, each set in a directory of its own
VOLUME/..data -> ..2026_11_25_10_30_00.123456789
VOLUME/KEY -> ..data/KEY

Containers see one rename(2), that of ..data; inotify tells them of it.
Source: the Kubernetes documentation, "Mounted ConfigMaps are updated automatically"; behaviour of the kubelet.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firkin.oci.snapshots.trees import remove_tree

__all__ = ["File", "write_files"]

_DATA = "..data"
_NEW_DATA = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """The content of a file, and its mode."""

    content: bytes
    mode: int


def write_files(directory: str, files: Mapping[str, File], prepare: Callable[[str], None] | None = None) -> bool:
    """Make `files`, by relative path, what the volume in `directory` shows; returns whether that was a change.

    Parameters: `prepare` is called with the path of the new set before anybody sees it, such as to change its group.
    What an interrupted call left is removed. Raises OSError, KernelError; then the volume shows what it did before.
    """
    current = _current(directory)
    if current and _read(f"{directory}/{current}") == dict(files):
        _clean(directory, current, files)
        return False
    _clean(directory, current, None)
    new = _write(directory, files, prepare)
    _point(directory, os.path.basename(new))
    _link(directory, files)
    _clean(directory, os.path.basename(new), files)
    return True


def _current(directory: str) -> str:
    try:
        return os.readlink(f"{directory}/{_DATA}")
    except FileNotFoundError:
        return ""


def _read(directory: str) -> dict[str, File]:
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = File(file.read(), os.fstat(file.fileno()).st_mode & 0o777)
    return found


def _write(directory: str, files: Mapping[str, File], prepare: Callable[[str], None] | None) -> str:
    now = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime())
    new = tempfile.mkdtemp(prefix=now, dir=directory)
    os.chmod(new, 0o755)
    for path, file in files.items():
        _write_file(f"{new}/{path}", file)
    if prepare:
        prepare(new)
    return new


def _write_file(path: str, file: File) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file.mode)
    with os.fdopen(fd, "wb") as opened:
        # The umask has no say.
        os.fchmod(fd, file.mode)
        opened.write(file.content)


def _point(directory: str, target: str) -> None:
    os.symlink(target, f"{directory}/{_NEW_DATA}")
    os.rename(f"{directory}/{_NEW_DATA}", f"{directory}/{_DATA}")


def _link(directory: str, files: Mapping[str, File]) -> None:
    for name in _first_parts(files):
        if not os.path.lexists(f"{directory}/{name}"):
            os.symlink(f"{_DATA}/{name}", f"{directory}/{name}")


def _first_parts(files: Mapping[str, File]) -> list[str]:
    return list(dict.fromkeys(path.partition("/")[0] for path in files))


def _clean(directory: str, current: str, files: Mapping[str, File] | None) -> None:
    # Sets that are not shown, and names that nothing stands behind any more; None: those stay.
    kept = {_DATA, current, *(_first_parts(files) if files is not None else ())}
    for name in os.listdir(directory):
        if name not in kept and (files is not None or name.startswith("..")):
            remove_tree(f"{directory}/{name}")
    if files is not None:
        _link(directory, files)
