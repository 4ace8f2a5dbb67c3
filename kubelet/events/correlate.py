"""Which events are one (the rules of client-go's EventCorrelator).

Who repeats himself is counted, and who says the same of one object in ten ways is combined. Nobody is left unheard,
which client-go does after 25 events of an object, for the sake of a distant server: counts are right.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

__all__ = ["COMBINED", "Correlator", "Occurrence", "key_of"]

COMBINED = "(combined from similar events): "
"""What the message of an event begins with that stands for several."""

_REMEMBERED = 4096
_SIMILAR = 10
_SIMILAR_SECONDS = 600.0


class Occurrence(NamedTuple):
    """That something happened, without when.

    It is also what occurrences have in common that are one event; `message` and `field_path` are empty then where
    several are combined.
    """

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


class Correlator:
    """Remembers the occurrences of late, a bounded number of them."""

    def __init__(self) -> None:
        self._similar: OrderedDict[Occurrence, _Similar] = OrderedDict()

    def find(self, occurrence: Occurrence, now: float) -> tuple[Occurrence, str]:
        """Of which event this is one more time, and with which message.

        Parameters: `now` is a time in seconds that does not go back.
        """
        group = occurrence._replace(field_path="", message="")
        similar = self._similar.get(group)
        if similar is None or now - similar.last > _SIMILAR_SECONDS:
            similar = _Similar(set(), now)
        similar.messages.add(occurrence.message)
        self._similar[group] = similar._replace(last=now)
        self._similar.move_to_end(group)
        if len(self._similar) > _REMEMBERED:
            self._similar.popitem(last=False)
        if len(similar.messages) < _SIMILAR:
            return occurrence, occurrence.message
        similar.messages.discard(occurrence.message)
        while len(similar.messages) >= _SIMILAR:
            similar.messages.pop()
        return group, COMBINED + occurrence.message


def key_of(occurrence: Occurrence) -> Occurrence:
    """The key of an event that is stored with these words."""
    if occurrence.message.startswith(COMBINED):
        return occurrence._replace(field_path="", message="")
    return occurrence
