"""Writes events among the objects, and into the log."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from firkin import log
from firkin.errors import AlreadyExistsError
from firkin.kubelet.api.event import Event, EventSource
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.workload import ObjectReference
from firkin.kubelet.events.correlate import Correlator, Occurrence, key_of

__all__ = ["EventObjects", "Named", "Recorder"]

_LOG = log.to("events")
_KEPT = timedelta(hours=1)


class Named(Protocol):
    """What an event can be about."""

    @property
    def api_version(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def metadata(self) -> ObjectMeta: ...


class EventObjects(Protocol):
    """What is wanted of the store of all objects (`firkin.kubelet.objects.store.Objects`)."""

    def list(self, kind: type[Event], /) -> list[Event]: ...
    def create(self, item: Event, /) -> Event: ...
    def change(self, kind: type[Event], namespace: str, name: str, fn: Callable[[Event], Event], /) -> Event | None: ...
    def remove(self, kind: type[Event], namespace: str, name: str, /) -> object: ...


class Recorder:
    """Tells what happens to objects, as `component` on `host`.

    What happens again is counted, what is similar is combined, and an event that did not happen for an hour is
    forgotten, as by an API server. Those that `objects` has from before are gone on with.

    Parameters: `clock` gives the time, with its zone.
    """

    def __init__(self, objects: EventObjects, component: str, host: str, clock: Callable[[], datetime]) -> None:
        self._objects = objects
        self._source = EventSource(component=component, host=host)
        self._clock = clock
        self._correlator = Correlator()
        # By when they happened last: the first ones expire first.
        self._known: OrderedDict[Occurrence, tuple[str, str, datetime]] = OrderedDict()
        for event in sorted(objects.list(Event), key=_when):
            if event.source == self._source:
                meta = event.metadata
                self._known[key_of(_occurrence(event))] = (meta.namespace, meta.name, _when(event))

    def record(self, about: Named, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Tell that something happened to `about`.

        Parameters: `type` is Normal or Warning, `field_path` a part of the object, such as
        spec.containers{web}.
        """
        meta = about.metadata
        namespace = meta.namespace or "default"
        with log.bound(kind=about.kind, object=f"{namespace}/{meta.name}", reason=reason):
            (_LOG.warning if type == "Warning" else _LOG.info)(message)
        occurrence = Occurrence(about.kind, meta.namespace, meta.name, meta.uid, field_path, type, reason, message)
        key, text = self._correlator.find(occurrence, time.monotonic())
        self.expire()
        now = self._clock()
        if not self._count(key, text, now):
            self._create(occurrence, about.api_version, key, text, now)

    def _count(self, key: Occurrence, message: str, now: datetime) -> bool:
        known = self._known.get(key)
        if known is None:
            return False
        namespace, name, _ = known

        def once_more(event: Event) -> Event:
            return msgspec.structs.replace(event, count=event.count + 1, last_timestamp=now, message=message)

        if self._objects.change(Event, namespace, name, once_more) is None:
            return False
        self._know(key, namespace, name, now)
        return True

    def _create(self, occurrence: Occurrence, version: str, key: Occurrence, message: str, now: datetime) -> None:
        event = Event(
            metadata=ObjectMeta(namespace=occurrence.namespace or "default"),
            involved_object=ObjectReference(
                kind=occurrence.kind,
                namespace=occurrence.namespace,
                name=occurrence.name,
                uid=occurrence.uid,
                api_version=version,
                field_path=key.field_path,
            ),
            type=occurrence.type,
            reason=occurrence.reason,
            message=message,
            source=self._source,
            first_timestamp=now,
            last_timestamp=now,
        )
        made = self._create_named(event, occurrence.name, int(now.timestamp() * 1e9)).metadata
        self._know(key, made.namespace, made.name, now)

    def _create_named(self, event: Event, name: str, stamp: int) -> Event:
        # Names have the time in them; two events of one moment, or of a clock that went back, have two all the same.
        while True:
            metadata = msgspec.structs.replace(event.metadata, name=f"{name}.{stamp:x}")
            try:
                return self._objects.create(msgspec.structs.replace(event, metadata=metadata))
            except AlreadyExistsError:
                stamp += 1

    def _know(self, key: Occurrence, namespace: str, name: str, now: datetime) -> None:
        self._known[key] = (namespace, name, now)
        self._known.move_to_end(key)

    def expire(self) -> None:
        """Remove the events that did not happen for an hour."""
        now = self._clock()
        while self._known:
            key, (namespace, name, last) = next(iter(self._known.items()))
            if now - last < _KEPT:
                break
            del self._known[key]
            self._objects.remove(Event, namespace, name)

    async def run(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Remove events when they expire, also while nothing happens; until cancelled."""
        while True:
            await sleep(60)
            self.expire()


def _when(event: Event) -> datetime:
    return event.last_timestamp or event.first_timestamp or datetime.fromisoformat("1970-01-01T00:00:00Z")


def _occurrence(event: Event) -> Occurrence:
    about = event.involved_object
    return Occurrence(
        about.kind, about.namespace, about.name, about.uid, about.field_path, event.type, event.reason, event.message
    )
