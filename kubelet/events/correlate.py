"""Which events are one, and which are too many (the rules of client-go's EventCorrelator).

Who repeats himself is counted, who says the same of one object in ten ways is combined, and who does not stop is not
listened to.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple, TypeVar

__all__ = ["COMBINED", "Correlator", "Key", "Occurrence", "key_of"]

COMBINED = "(combined from similar events): "
"""What the message of an event begins with that stands for several."""

_REMEMBERED = 4096
_SIMILAR = 10
_SIMILAR_SECONDS = 600.0
_BURST = 25.0
_PER_SECOND = 1 / 300

_T = TypeVar("_T")


class Occurrence(NamedTuple):
    """That something happened, without when."""

    kind: str
    namespace: str
    name: str
    uid: str
    field_path: str
    type: str
    reason: str
    message: str


class Key(NamedTuple):
    """What the occurrences have in common that are one event; `message` is empty where several are combined."""

    kind: str
    namespace: str
    name: str
    uid: str
    field_path: str
    type: str
    reason: str
    message: str


class _Similar(NamedTuple):
    messages: set[str]
    last: float


class _Bucket(NamedTuple):
    tokens: float
    last: float


class Correlator:
    """Remembers the occurrences of late, a bounded number of them."""

    def __init__(self) -> None:
        self._similar: OrderedDict[Key, _Similar] = OrderedDict()
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()

    def admit(self, occurrence: Occurrence, now: float) -> tuple[Key, str] | None:
        """Of which event this is one more time, and with which message; None if there were too many of the object.

        Parameters: `now` is a time in seconds that does not go back.
        """
        key, message = self._combine(occurrence, now)
        return (key, message) if self._is_within_rate(occurrence, now) else None

    def _combine(self, occurrence: Occurrence, now: float) -> tuple[Key, str]:
        group = Key(*occurrence)._replace(field_path="", message="")
        similar = self._similar.get(group)
        if similar is None or now - similar.last > _SIMILAR_SECONDS:
            similar = _Similar(set(), now)
        similar.messages.add(occurrence.message)
        _remember(self._similar, group, similar._replace(last=now))
        if len(similar.messages) < _SIMILAR:
            return Key(*occurrence), occurrence.message
        similar.messages.discard(occurrence.message)
        while len(similar.messages) >= _SIMILAR:
            similar.messages.pop()
        return group, COMBINED + occurrence.message

    def _is_within_rate(self, occurrence: Occurrence, now: float) -> bool:
        about = occurrence[:4]
        tokens, last = self._buckets.get(about, _Bucket(_BURST, now))
        tokens = min(_BURST, tokens + (now - last) * _PER_SECOND)
        is_allowed = tokens >= 1
        _remember(self._buckets, about, _Bucket(tokens - is_allowed, now))
        return is_allowed


def key_of(occurrence: Occurrence) -> Key:
    """The key of an event that is stored with these words."""
    if occurrence.message.startswith(COMBINED):
        return Key(*occurrence)._replace(field_path="", message="")
    return Key(*occurrence)


_K = TypeVar("_K")


def _remember(memory: OrderedDict[_K, _T], key: _K, value: _T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
