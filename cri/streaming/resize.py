"""Sizes of the peer's terminal: JSON objects, one behind the other."""

from __future__ import annotations

import json

from firkin.cri.streaming.events import Resize

__all__ = ["ResizeReader"]

# An object has some 30 characters; in what is longer, or begins otherwise, no size will ever be found.
_MOST = 256
_MOST_CELLS = 65535


class ResizeReader:
    """Takes the bytes of the resize stream.

    What is no size is passed over, and what is no JSON ends the reading: the command goes on without either.
    """

    def __init__(self) -> None:
        self._text = ""
        self._is_deaf = False
        self._decoder = json.JSONDecoder()

    def receive(self, data: bytes) -> list[Resize]:
        """The sizes that the bytes complete."""
        sizes: list[Resize] = []
        for start in range(0, len(data), _MOST):
            if self._is_deaf:
                break
            self._text = (self._text + data[start : start + _MOST].decode("ascii", "replace")).lstrip()
            while self._take_object(sizes):
                pass
            self._is_deaf = len(self._text) > _MOST or self._text[:1] not in ("", "{")
        return sizes

    def _take_object(self, sizes: list[Resize]) -> bool:
        if not self._text.startswith("{"):
            return False
        try:
            value, end = self._decoder.raw_decode(self._text)
        except (json.JSONDecodeError, RecursionError):
            return False
        self._text = self._text[end:].lstrip()
        sizes += _size(value)
        return True


def _size(value: dict[str, object]) -> list[Resize]:
    # As Go's decoder does, names are compared without their case.
    found = {name.lower(): number for name, number in value.items()}
    width, height = found.get("width"), found.get("height")
    if type(width) is not int or type(height) is not int:
        return []
    return [Resize(width, height)] if 1 <= width <= _MOST_CELLS and 1 <= height <= _MOST_CELLS else []
