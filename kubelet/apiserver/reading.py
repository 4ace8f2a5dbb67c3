"""Reads: one object, lists, and watches; each as it is or as a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.apiserver.fields import FieldSelector, parse_fields
from firkin.kubelet.apiserver.status import RequestError, failure, json_response, missing
from firkin.kubelet.apiserver.tables import table
from firkin.kubelet.apiserver.target import Target
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.objects.changes import ADDED, DELETED, MODIFIED, Change, Subscription
from firkin.kubelet.objects.encode import encode
from firkin.kubelet.objects.errors import ExpiredError
from firkin.kubelet.objects.selectors import Selector, parse_selector
from firkin.kubelet.objects.store import Objects

__all__ = ["Reading", "Wanted"]

_LONGEST_WATCH = 3600.0
_TRUE = ("true", "1")


class Wanted:
    """Which objects a request means, and in which form."""

    def __init__(self, request: Request, target: Target) -> None:
        try:
            self.labels: Selector = parse_selector(request.parameter("labelSelector"))
            self.fields: FieldSelector = parse_fields(request.parameter("fieldSelector"))
        except ValueError as error:
            raise RequestError(400, str(error)) from error
        self.target = target
        accepted = request.headers.get("accept", "").partition(",")[0]
        self.as_table = "as=Table" in accepted.replace(" ", "")
        self.include = request.parameter("includeObject", "Metadata")

    def matches(self, item: Resource) -> bool:
        """Whether it means an object of its kind."""
        metadata = item.metadata
        if self.target.namespace not in ("", metadata.namespace) or self.target.name not in ("", metadata.name):
            return False
        if not self.labels.matches(metadata.labels):
            return False
        return not self.fields.conditions or self.fields.matches(encode(item))


class Reading:
    """Reads of `objects`; `clock` gives the time, with its zone, that ages are counted to."""

    def __init__(self, objects: Objects, clock: Callable[[], datetime]) -> None:
        self._objects = objects
        self._clock = clock

    def get(self, request: Request, target: Target) -> Response:
        """One object. Raises RequestError if there is none with this name."""
        item = self._objects.get(target.kind.type, target.namespace, target.name)
        if item is None:
            raise missing(target.kind, target.name)
        wanted = Wanted(request, target)
        return json_response(200, self.shown(item, wanted))

    def shown(self, item: Resource, wanted: Wanted) -> dict[str, Any]:
        """An object in the form that is wanted."""
        if wanted.as_table:
            return self._table([item], wanted, head=True)
        value: dict[str, Any] = encode(item)
        return value

    def list(self, request: Request, target: Target) -> Response:
        """All objects that are wanted."""
        wanted = Wanted(request, target)
        found = [one for one in self._objects.list(target.kind.type, target.namespace) if wanted.matches(one)]
        metadata = {"resourceVersion": self._objects.version}
        if wanted.as_table:
            return json_response(200, {**self._table(found, wanted, head=True), "metadata": metadata})
        version, kind = target.kind.api_version, f"{target.kind.name}List"
        items = [encode(one) for one in found]
        return json_response(200, {"kind": kind, "apiVersion": version, "metadata": metadata, "items": items})

    def watch(self, request: Request, target: Target) -> Response:
        """The changes of the objects that are wanted, one a line, for as long as the client listens."""
        wanted = Wanted(request, target)
        version = request.parameter("resourceVersion")
        initial = request.parameter("sendInitialEvents") in _TRUE
        kind = target.kind.type
        try:
            if version in ("", "0") or initial:
                subscription = self._objects.subscribe(kind)
            else:
                subscription = self._objects.subscribe_since(version, kind)
        except ExpiredError as error:
            # As an event: clients take the connection for good and look into it.
            status = msgspec.json.decode(_body(failure(410, str(error))))
            return Response(200, _one(_line({"type": "ERROR", "object": status})))
        text = request.parameter("timeoutSeconds")
        seconds = float(text) if text.isascii() and text.isdecimal() else _LONGEST_WATCH
        return Response(200, self._lines(subscription, wanted, min(seconds, _LONGEST_WATCH), mark=initial))

    async def _lines(
        self, subscription: Subscription[Resource], wanted: Wanted, seconds: float, *, mark: bool
    ) -> AsyncGenerator[bytes, None]:
        # An object that ceases to be wanted is deleted for the client, one that begins to be is added.
        seen: tuple[set[str], set[str]] = (set(), set())
        head = True
        with subscription as changes:
            begin = changes.take()
            end = asyncio.get_running_loop().call_later(seconds, changes.close)
            try:
                for change in begin:
                    line = self._event(change, wanted, seen, head=head)
                    head = head and line is None
                    if line is not None:
                        yield line
                if mark:
                    yield _line({"type": "BOOKMARK", "object": self._bookmark(wanted)})
                async for change in changes:
                    line = self._event(change, wanted, seen, head=head)
                    head = head and line is None
                    if line is not None:
                        yield line
            finally:
                end.cancel()

    def _event(
        self, change: Change[Resource], wanted: Wanted, seen: tuple[set[str], set[str]], *, head: bool
    ) -> bytes | None:
        item, kind = change.object, change.type
        shown, hidden = seen
        uid = item.metadata.uid
        if kind == DELETED or not wanted.matches(item):
            # Who watches from a version knows objects that were not shown here.
            if uid not in shown and (kind != DELETED or uid in hidden or not wanted.matches(item)):
                return None
            shown.discard(uid)
            hidden.add(uid)
            kind = DELETED
        else:
            # To be told of as changed to who has not seen it is all the same to clients; this is what they expect.
            kind = MODIFIED if uid in shown else ADDED if uid in hidden else kind
            shown.add(uid)
        value = self._table([item], wanted, head=head) if wanted.as_table else encode(item)
        return _line({"type": kind, "object": value})

    def _bookmark(self, wanted: Wanted) -> dict[str, Any]:
        annotations = {"k8s.io/initial-events-end": "true"}
        metadata = {"resourceVersion": self._objects.version, "annotations": annotations}
        if wanted.as_table:
            return {**self._table([], wanted, head=False), "metadata": metadata}
        kind = wanted.target.kind
        return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}

    def _table(self, items: Sequence[Resource], wanted: Wanted, *, head: bool) -> dict[str, Any]:
        return table(wanted.target.kind.type, items, self._clock(), wanted.include, head=head)


def _line(event: dict[str, Any]) -> bytes:
    return msgspec.json.encode(event) + b"\n"


async def _one(line: bytes) -> AsyncGenerator[bytes, None]:
    yield line


def _body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body
