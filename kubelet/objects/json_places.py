"""Where the values of a JSON text are. It is looked through only when somebody asks: most texts have nothing wrong."""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["JsonPlaces", "repeated"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')

Place = tuple[int, int]


class JsonPlaces(Mapping[str, Place]):
    """Lines and columns, from 1, by path: those of the keys of objects, of the elements of arrays.

    Parameters: `text` is JSON, which has been read already; of it the value that begins at `start` is meant.
    """

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        self._found: dict[str, Place] | None = None

    def __getitem__(self, path: str) -> Place:
        return self._places()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places())

    def __len__(self) -> int:
        return len(self._places())

    def _places(self) -> dict[str, Place]:
        if self._found is None:
            self._found = dict(_scan(self._text, self._start))
        return self._found


def repeated(text: str) -> list[str]:
    """The paths of the keys that are more than once in an object of `text`, which is JSON; without what is in them."""
    seen: set[str] = set()
    found: list[str] = []
    for path, _ in _scan(text, 0):
        if path in seen and not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in found):
            found.append(path)
        seen.add(path)
    return found


@dataclass(slots=True)
class _Open:
    # An array or an object that has begun: `index` of the element, None for an object, where a key may come next.
    path: str
    index: int | None
    is_key_next: bool = True


def _scan(text: str, start: int) -> Iterator[tuple[str, Place]]:
    lines = [0, *(one.end() for one in re.finditer("\n", text))]
    inside: list[_Open] = []
    path, has_place = "", False
    for token in _TOKEN.finditer(text, start):
        said, at = token.group(), token.start()
        line = bisect.bisect_right(lines, at)
        place = (line, at - lines[line - 1] + 1)
        here = inside[-1] if inside else None
        if said in "]}":
            inside.pop()
            if not inside:
                return
        elif said == ",":
            assert here is not None
            if here.index is None:
                here.is_key_next = True
            else:
                here.index += 1
                path, has_place = f"{here.path}[{here.index}]", False
        elif here is not None and here.index is None and here.is_key_next:
            here.is_key_next = False
            key = json.loads(said)
            path, has_place = f"{here.path}.{key}" if here.path else key, True
            yield path, place
        elif said != ":":
            if not has_place:
                yield path, place
            if said == "{":
                inside.append(_Open(path, None))
            elif said == "[":
                inside.append(_Open(path, 0))
                path, has_place = f"{path}[0]", False
