"""A table of records in memory: by id, by unique prefix of the id, and with their names reserved."""

from __future__ import annotations

import secrets
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from firkin.errors import NotFoundError, UsageError

__all__ = ["Table", "new_id"]

_SHORTEST = 1


class _Record(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


_R = TypeVar("_R", bound=_Record)


def new_id() -> str:
    """An id as CRI clients expect it: 64 hexadecimal digits."""
    return secrets.token_hex(32)


class Table(Generic[_R]):
    """The records of one kind; `kind` is the word for errors, such as "pod sandbox"."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._records: dict[str, _R] = {}
        self._names: dict[str, str] = {}
        self._sorted: list[str] = []

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[_R]:
        return iter(list(self._records.values()))

    def add(self, record: _R) -> None:
        """Add a record whose id and name are new."""
        self._records[record.id] = record
        self._names[record.name] = record.id
        insort(self._sorted, record.id)

    def discard(self, record: _R) -> None:
        """Forget a record, which may be gone."""
        if self._records.pop(record.id, None) is not None:
            self._names.pop(record.name, None)
            del self._sorted[bisect_left(self._sorted, record.id)]

    def by_name(self, name: str) -> _R | None:
        """The record of this name."""
        id = self._names.get(name)
        return None if id is None else self._records[id]

    def find(self, id: str) -> _R | None:
        """The record with this id, or the only one whose id begins so. Raises UsageError if there are several."""
        if id in self._records:
            return self._records[id]
        if len(id) < _SHORTEST:
            raise UsageError(f"the id of a {self._kind} is empty")
        first = bisect_left(self._sorted, id)
        found = [one for one in self._sorted[first : first + 2] if one.startswith(id)]
        if len(found) > 1:
            raise UsageError(f"{self._kind} {id}: several ids begin so")
        return self._records[found[0]] if found else None

    def get(self, id: str) -> _R:
        """As find. Raises NotFoundError if there is none."""
        record = self.find(id)
        if record is None:
            raise NotFoundError(f"{self._kind} {id}: does not exist")
        return record
