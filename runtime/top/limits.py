"""What is configured for groups: read when it is shown, for it seldom changes and few groups are in sight."""

from __future__ import annotations

import errno

from firkin.cgroupfs.accounting.layout import build_layout
from firkin.cgroupfs.accounting.twin import parse
from firkin.cgroupfs.accounting.values import known
from firkin.cgroupfs.failure import failed

__all__ = ["Limits"]

_LAYOUT = build_layout(("limits",), ())
_FILES = {column: file for file in _LAYOUT.files for column in file.columns}


class Limits:
    """Limits and weights, each file read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, str], dict[str, int]] = {}

    def value(self, id: int, path: str, name: str) -> int | None:
        """A number of the group, such as `cpu.max quota`; None if it has none, `UNLIMITED` for `max`.

        Parameters: `id` and `path` are the group's, `name` is a column of `layout.LIMITS`.
        """
        file = _FILES[name]
        key = id, file.name
        if key not in self._read:
            self._read[key] = dict(zip(file.columns, parse(file, _text(f"{path}/{file.name}")), strict=True))
        return known(self._read[key][name])


def _text(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except (FileNotFoundError, PermissionError):
        return b""
    except OSError as error:
        if error.errno == errno.ENODEV:
            return b""
        raise failed("read", path, error) from error
