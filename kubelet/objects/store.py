"""All objects of the agent: in memory, and on disk so that they are there after a crash.

Everybody meets here: sources and workloads put pods in, pod workers write their status, servers read and write for
clients. Nobody waits inside, so that on the one loop a change is seen whole or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from firkin.errors import AlreadyExistsError, FirkinError, NotFoundError, StateError
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import ObjectMeta, Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.changes import ADDED, DELETED, MODIFIED, Change, History, Subscription
from firkin.kubelet.objects.database import Database, Row
from firkin.kubelet.objects.errors import ConflictError
from firkin.kubelet.objects.kinds import KINDS, T, kind_of
from firkin.kubelet.objects.selectors import EVERYTHING, Selector

__all__ = ["Objects"]

# Inside of the class the name is the method's.
_List = list
_TYPES = {kind.name: kind.type for kind in KINDS}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Objects:
    """The objects in the database at `path`, made if it is missing; for one loop.

    `clock` gives the time, with its zone. `warn` is told of what goes on but should be seen: rows that can not be read
    and are left alone, status that can not be written and is kept in memory until it can. Raises StateError or
    KernelError if the database can not be used.
    """

    def __init__(
        self, path: str, *, clock: Callable[[], datetime] = _utc_now, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self._database = Database(path)
        self._clock = clock
        self._warn = warn
        self._objects: dict[type[Resource], dict[tuple[str, str], Resource]] = {kind.type: {} for kind in KINDS}
        self._uids: dict[str, Resource] = {}
        self._unsaved: dict[tuple[str, str, str], Row] = {}
        self._subscribers: dict[type[Resource], set[Subscription[Any]]] = {kind.type: set() for kind in KINDS}
        self._version = self._database.version()
        self._history = History(self._version)
        self._load()

    def close(self) -> None:
        """End the subscriptions and release the database."""
        for subscribers in self._subscribers.values():
            for subscription in _List(subscribers):
                subscription.close()
        self._database.close()

    @property
    def version(self) -> str:
        """The resource version of the last change."""
        return str(self._version)

    def get(self, kind: type[T], namespace: str, name: str) -> T | None:
        """The object with this name. `namespace` is "" for kinds that have none, such as Node."""
        return cast("T | None", self._objects[kind].get((namespace, name)))

    def by_uid(self, kind: type[T], uid: str) -> T | None:
        """The object with this uid."""
        found = self._uids.get(uid)
        return found if isinstance(found, kind) else None

    def list(self, kind: type[T], namespace: str = "", selector: Selector = EVERYTHING) -> _List[T]:
        """The objects of a kind by namespace and name: of one namespace, or with "" of all."""
        found = (
            item
            for (where, _), item in sorted(self._objects[kind].items())
            if namespace in ("", where) and selector.matches(item.metadata.labels)
        )
        return cast("_List[T]", _List(found))

    def create(self, item: T) -> T:
        """Add an object. It gets a version, a time, a uid if it has none, and with `generateName` a name.

        Raises AlreadyExistsError; KernelError or StateError if it can not be written.
        """
        metadata = item.metadata
        name = metadata.name or self._free_name(type(item), metadata)
        if self.get(type(item), metadata.namespace, name) is not None:
            raise AlreadyExistsError(f'{kind_of(type(item)).resource} "{name}" already exists')
        made = msgspec.structs.replace(
            metadata,
            name=name,
            uid=metadata.uid or str(uuid.uuid4()),
            generation=1 if hasattr(item, "spec") else 0,
            creation_timestamp=self._now(),
            deletion_timestamp=None,
            deletion_grace_period_seconds=None,
        )
        if made.uid in self._uids:
            raise AlreadyExistsError(f'{kind_of(type(item)).resource} "{name}": its uid {made.uid} is taken')
        return self._put(ADDED, msgspec.structs.replace(item, metadata=made), durable=not isinstance(item, Event))

    def replace(self, item: T) -> T:
        """Put another state in the place of an object, which keeps uid, times and namespace.

        Raises NotFoundError, ConflictError if the object has a version or a uid and is not the one that is there,
        KernelError or StateError if it can not be written.
        """
        metadata = item.metadata
        before = self.get(type(item), metadata.namespace, metadata.name)
        resource = kind_of(type(item)).resource
        if before is None:
            raise NotFoundError(f'{resource} "{metadata.name}" not found')
        stale = metadata.resource_version not in ("", before.metadata.resource_version)
        if stale or metadata.uid not in ("", before.metadata.uid):
            raise ConflictError(
                f'Operation cannot be fulfilled on {resource} "{metadata.name}": the object has been modified; '
                "please apply your changes to the latest version and try again"
            )
        return self._change(before, item)

    def change(self, kind: type[T], namespace: str, name: str, fn: Callable[[T], T]) -> T | None:
        """Replace an object by what `fn` makes of it; None if there is none with this name."""
        before = self.get(kind, namespace, name)
        return None if before is None else self._change(before, fn(before))

    def set_status(
        self, kind: type[T], namespace: str, name: str, status: msgspec.Struct, *, uid: str = ""
    ) -> T | None:
        """Write the status of an object; None if there is none with this name, or with `uid` if it is another one.

        A disk that can not be written does not fail this: the status is kept, and written with a later one.
        """
        before = self.get(kind, namespace, name)
        if before is None or uid not in ("", before.metadata.uid):
            return None
        after = msgspec.structs.replace(before, status=status)
        return before if after == before else self._put(MODIFIED, after, durable=False)

    def delete(self, kind: type[T], namespace: str, name: str, grace: int | None = None) -> T | None:
        """Ask for an object to go; returns its last state, None if there is none with this name.

        A pod is marked, with the time by which it must be gone: after `grace` seconds, or those of its specification.
        Asked again the time can get shorter, not longer. Its worker removes it when all of it has ended. With a grace
        of 0, or if it has ended, it goes at once, and what is left of it is killed. An object with finalizers is marked
        too, and goes with the last of them.
        """
        before = self.get(kind, namespace, name)
        if before is None:
            return None
        if isinstance(before, Pod) and before.status.phase in ("Succeeded", "Failed"):
            grace = 0
        waits = bool(before.metadata.finalizers) or (isinstance(before, Pod) and grace != 0)
        if not waits:
            if isinstance(before, Pod):
                before = msgspec.structs.replace(before, metadata=self._mark(before.metadata, 0))
            return self._remove(before)
        if isinstance(before, Pod) and grace is None:
            grace = before.spec.termination_grace_period_seconds
        marked = self._mark(before.metadata, grace or 0)
        if marked == before.metadata:
            return before
        return self._put(MODIFIED, msgspec.structs.replace(before, metadata=marked), durable=True)

    def remove(self, kind: type[T], namespace: str, name: str, *, uid: str = "") -> T | None:
        """Take an object away, whatever state it is in; with `uid` only if it is that one. Returns its last state."""
        before = self.get(kind, namespace, name)
        return None if before is None or uid not in ("", before.metadata.uid) else self._remove(before)

    def subscribe(self, *kinds: type[T]) -> Subscription[T]:
        """The changes of these kinds from now on; begins with what is there, as ADDED."""
        there = (item for kind in kinds for item in self._objects[kind].values())
        return self._subscribe(kinds, (Change(ADDED, item) for item in sorted(there, key=_version)))

    def subscribe_since(self, version: str, *kinds: type[T]) -> Subscription[T]:
        """The changes of these kinds after a version. Raises ExpiredError if they are not known any more."""
        if not version.isascii() or not version.isdigit():
            raise StateError(f"invalid resource version {version!r}")
        changes = self._history.since(int(version))
        return self._subscribe(kinds, (change for change in changes if type(change.object) in kinds))

    def _subscribe(self, kinds: Iterable[type[Resource]], begin: Iterable[Change[Any]]) -> Subscription[Any]:
        subscription: Subscription[Any] = Subscription(begin, self._unsubscribe)
        for kind in kinds:
            self._subscribers[kind].add(subscription)
        return subscription

    def _unsubscribe(self, subscription: Subscription[Any]) -> None:
        for subscribers in self._subscribers.values():
            subscribers.discard(subscription)

    def _change(self, before: T, after: T) -> T:
        kept = before.metadata
        metadata = msgspec.structs.replace(
            after.metadata,
            name=kept.name,
            namespace=kept.namespace,
            generate_name=kept.generate_name,
            uid=kept.uid,
            resource_version=kept.resource_version,
            generation=kept.generation + (getattr(before, "spec", None) != getattr(after, "spec", None)),
            creation_timestamp=kept.creation_timestamp,
            deletion_timestamp=kept.deletion_timestamp,
            deletion_grace_period_seconds=kept.deletion_grace_period_seconds,
        )
        after = msgspec.structs.replace(after, metadata=metadata)
        if after == before:
            return before
        if metadata.deletion_timestamp and kept.finalizers and not metadata.finalizers and not isinstance(after, Pod):
            return self._remove(after)
        return self._put(MODIFIED, after, durable=not isinstance(after, Event))

    def _mark(self, metadata: ObjectMeta, grace: int) -> ObjectMeta:
        before = metadata.deletion_grace_period_seconds
        if metadata.deletion_timestamp is not None and before is not None and before <= grace:
            return metadata
        return msgspec.structs.replace(
            metadata,
            deletion_timestamp=self._now() + timedelta(seconds=grace),
            deletion_grace_period_seconds=grace,
        )

    def _put(self, change: str, item: T, *, durable: bool) -> T:
        metadata = msgspec.structs.replace(item.metadata, resource_version=str(self._version + 1))
        item = msgspec.structs.replace(item, metadata=metadata)
        self._write(item, msgspec.json.encode(item), durable=durable)
        self._objects[type(item)][metadata.namespace, metadata.name] = item
        self._uids[metadata.uid] = item
        self._tell(Change(change, item))
        return item

    def _remove(self, item: T) -> T:
        metadata = msgspec.structs.replace(item.metadata, resource_version=str(self._version + 1))
        item = msgspec.structs.replace(item, metadata=metadata)
        self._write(item, None, durable=not isinstance(item, Event))
        del self._objects[type(item)][metadata.namespace, metadata.name]
        del self._uids[metadata.uid]
        self._tell(Change(DELETED, item))
        return item

    def _write(self, item: Resource, content: bytes | None, *, durable: bool) -> None:
        row = Row(item.kind, item.metadata.namespace, item.metadata.name, content)
        rows = {**self._unsaved, row[:3]: row}
        try:
            self._database.write(_List(rows.values()), self._version + 1, durable=durable)
            self._unsaved.clear()
        except FirkinError as error:
            if durable:
                raise
            if not self._unsaved:
                self._warn(f"{error}: status is kept in memory until it can be written")
            self._unsaved = rows
        self._version += 1

    def _tell(self, change: Change[Resource]) -> None:
        self._history.add(self._version, change)
        for subscription in self._subscribers[type(change.object)]:
            subscription.put(change)

    def _load(self) -> None:
        for row in self._database.rows():
            try:
                item = msgspec.json.decode(row.content or b"", type=_TYPES[row.kind])
            except (KeyError, msgspec.MsgspecError) as error:
                self._warn(f"{row.kind} {row.namespace}/{row.name} can not be read, and is left alone: {error}")
                continue
            self._objects[type(item)][row.namespace, row.name] = item
            self._uids[item.metadata.uid] = item

    def _free_name(self, kind: type[Resource], metadata: ObjectMeta) -> str:
        while True:
            name = metadata.generate_name + uuid.uuid4().hex[:5]
            if (metadata.namespace, name) not in self._objects[kind]:
                return name

    def _now(self) -> datetime:
        # The API has times in seconds.
        return self._clock().replace(microsecond=0)


def _version(item: Resource) -> int:
    return int(item.metadata.resource_version)
