"""Messages that are made once and sent often: what a list shows of a record, serialized, until something of it changes.

A serialized message may be cut and joined at its fields (protobuf, "Message Structure"): a list of records is the lists
of one record each, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, TypeVar

from google.protobuf.message import Message

__all__ = ["Kept", "joined", "serialize"]


class _Record(Protocol):
    kept: tuple[Any, bytes] | None

    @property
    def facts(self) -> Any: ...


_R = TypeVar("_R", bound=_Record)


Kept: TypeAlias = bytes
"""A message that is serialized already, as the answer of a call."""


def joined(records: Iterable[_R], list_of: Callable[[_R], Message]) -> Kept:
    """The list of all records.

    Parameters: `list_of` makes the list of one, of nothing but its facts and of what never changes.
    """
    parts = []
    for record in records:
        kept = record.kept
        # Facts are replaced as a whole, never changed.
        if kept is None or kept[0] is not record.facts:
            kept = record.kept = record.facts, list_of(record).SerializeToString()
        parts.append(kept[1])
    return b"".join(parts)


def serialize(message: Message | Kept) -> bytes:
    """What goes over the wire."""
    return message if isinstance(message, bytes) else message.SerializeToString()
