"""Variables of a container that come of files in its pod's volumes (fileKeyRef)."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from firkin.kubelet.api.container import Container, FileKeySelector
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.environment.env_file import parse_env_file
from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.volumes.mounting import open_below

__all__ = ["env_files", "wants_files"]

_LARGEST = 1 << 16


def wants_files(container: Container) -> bool:
    """Whether there is anything to read."""
    return any(one.value_from and one.value_from.file_key_ref for one in container.env)


def env_files(pod: Pod, container: Container, places: Mapping[str, str]) -> dict[tuple[str, str], Mapping[str, str]]:
    """What the files say, by volume and path; those that are missing are left out. Blocks.

    Parameters: `places` are the directories of the pod's emptyDirs, by name. Raises VariableError.
    """
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for variable in container.env:
        wanted = variable.value_from.file_key_ref if variable.value_from else None
        if wanted is None or (wanted.volume_name, wanted.path) in found:
            continue
        if wanted.volume_name not in places:
            raise VariableError(f'volume "{wanted.volume_name}" of variable {variable.name} is no emptyDir of the pod')
        if (text := _read(places[wanted.volume_name], wanted)) is not None:
            found[wanted.volume_name, wanted.path] = _parsed(text, wanted)
    return found


def _read(place: str, wanted: FileKeySelector) -> bytes | None:
    # The pod may have put anything there: a link that leads out, a pipe that nobody writes to, more than fits.
    try:
        root = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fd = open_below(root, wanted.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        finally:
            os.close(root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VariableError(f'file "{wanted.path}" of volume "{wanted.volume_name}": {error.strerror}') from error
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise VariableError(f'file "{wanted.path}" of volume "{wanted.volume_name}" is no regular file')
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise VariableError(f'file "{wanted.path}" of volume "{wanted.volume_name}" has more than {_LARGEST} bytes')
    return text


def _parsed(text: bytes, wanted: FileKeySelector) -> Mapping[str, str]:
    try:
        return parse_env_file(text.decode())
    except ValueError as error:
        message = f'failed to parse file "{wanted.path}" of volume "{wanted.volume_name}": {error}'
        raise VariableError(message) from None
