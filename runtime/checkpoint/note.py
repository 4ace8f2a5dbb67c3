"""What a checkpoint's directory holds beside CRIU's images: which files and mounts are outside of them.

firkin.json        the streams and the mounts, for `firkin restore`
descriptors.json   the streams alone, as other runtimes write and read them
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from firkin.errors import FirkinError
from firkin.oci.json_text import dump, parse
from firkin.oci.runtime_spec import Config
from firkin.runtime.checkpoint.mounts import Outside, unseen
from firkin.runtime.checkpoint.streams import Stream

__all__ = ["Note", "read_note"]

_OWN, _COMMON = "firkin.json", "descriptors.json"
_LARGEST = 4 << 20


class Note:
    """The standard streams of the first process, the mounts from the host, and the process's privileges."""

    def __init__(self, streams: list[Stream], mounts: list[Outside], privileges: Mapping[str, str]) -> None:
        self.streams = streams
        self.mounts = mounts
        self.privileges = privileges

    def write(self, directory: str) -> None:
        """Write both files. Raises FirkinError."""
        own = {
            "streams": [{"key": stream.key, "null": stream.is_null} for stream in self.streams],
            "mounts": [vars(mount) for mount in self.mounts],
            "privileges": dict(self.privileges),
        }
        common = [stream.key if stream.is_pipe else "/dev/null" for stream in self.streams]
        for name, value in ((_OWN, own), (_COMMON, common)):
            path = f"{directory}/{name}"
            try:
                with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(dump(value))
            except OSError as error:
                raise FirkinError(f"write {path}: {error.strerror}") from error


def read_note(directory: str, config: Config) -> Note:
    """The note of a checkpoint; for one of another runtime what can be known of `config` and its own file.

    Raises FirkinError for a file that is not as it should be.
    """
    own = _read(f"{directory}/{_OWN}")
    if own is None:
        keys = _read(f"{directory}/{_COMMON}")
        names = keys if isinstance(keys, list) else []
        return Note([Stream(str(name) if _is_pipe(str(name)) else "") for name in names[:3]], unseen(config), {})
    if not isinstance(own, dict):
        raise FirkinError(f"{directory}/{_OWN}: is not an object")
    streams = [Stream(_text(one, "key"), is_null=one.get("null") is True) for one in _objects(own, "streams")]
    mounts = [
        Outside(_text(one, "point"), _text(one, "destination"), _text(one, "below")) for one in _objects(own, "mounts")
    ]
    privileges = own.get("privileges")
    texts = {key: str(value) for key, value in privileges.items()} if isinstance(privileges, dict) else {}
    return Note(streams[:3], mounts, texts)


def _is_pipe(name: str) -> bool:
    return name.startswith(("pipe:[", "socket:["))


def _objects(record: dict[str, object], key: str) -> list[dict[str, object]]:
    found = record.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(record: dict[str, object], key: str) -> str:
    value = record.get(key, "")
    return value if isinstance(value, str) else ""


def _read(path: str) -> object:
    # A checkpoint may have come from elsewhere: what is no plain file of some size is none of ours.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FirkinError(f"open {path}: {error.strerror}") from error
    with open(fd, "rb") as file:
        return parse(file.read(_LARGEST), path)
