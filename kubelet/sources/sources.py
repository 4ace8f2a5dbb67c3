"""All sources together: what they want becomes objects, and goes when they do not want it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from firkin import log
from firkin.errors import FirkinError
from firkin.kubelet.api.meta import ObjectMeta, Resource
from firkin.kubelet.api.node import Node
from firkin.kubelet.objects.changes import DELETED
from firkin.kubelet.objects.kinds import KINDS
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.sources.directory import Directory
from firkin.kubelet.sources.manifest import ORIGIN, Manifest
from firkin.kubelet.sources.reconcile import Plan, collect, decide, key_of
from firkin.kubelet.sources.settings import SourceSettings
from firkin.kubelet.sources.url import Url

__all__ = ["Sources"]

_LOG = log.to("sources")
_AGAIN = 10.0
_KINDS = [kind.type for kind in KINDS if kind.name not in ("Event", "Node")]


class Recording(Protocol):
    """Who is told of what is wrong, as `firkin.kubelet.events.recorder.Recorder`."""

    def record(self, item: Node, type_: str, reason: str, message: str, /) -> object:
        """Tell of something that happened to the node."""


class Sources:
    """The sources of the node named `node`. What is wrong with a manifest is logged, and told to `recorder`."""

    def __init__(self, objects: Objects, settings: SourceSettings, node: str, recorder: Recording) -> None:
        self._objects = objects
        self._node = Node(metadata=ObjectMeta(name=node))
        self._recorder = recorder
        self._manifests: dict[str, dict[str, Manifest]] = {}
        self._complaints: set[str] = set()
        self._wake = asyncio.Event()
        self._directory = Directory(settings.manifests, node, self._report("file")) if settings.manifests else None
        self._url = Url(settings.url, settings.url_seconds, node, self._report("http")) if settings.url else None
        # A source that is not there any more wants nothing.
        for name, source in (("file", self._directory), ("http", self._url)):
            if source is None:
                self._manifests[name] = {}

    def is_complete(self) -> bool:
        """Whether all sources have said what they want, and it is among the objects."""
        return len(self._manifests) == 2 and not self._wake.is_set()

    async def run(self) -> None:
        """Work until cancelled. Raises KernelError if the directory can not be watched."""
        async with asyncio.TaskGroup() as group:
            for source in (self._directory, self._url):
                if source is not None:
                    group.create_task(source.run())
            group.create_task(self._follow())
            self._wake.set()
            while True:
                await self._wake.wait()
                self._reconcile()

    def _report(self, source: str) -> Callable[[dict[str, Manifest]], None]:
        def changed(manifests: dict[str, Manifest]) -> None:
            self._manifests[source] = manifests
            self._wake.set()

        return changed

    async def _follow(self) -> None:
        # What is to become another object is made when the one before has gone.
        with self._objects.subscribe(*_KINDS) as changes:
            async for change in changes:
                if change.type == DELETED:
                    self._wake.set()

    def _reconcile(self) -> None:
        there = {key_of(item): item for kind in _KINDS for item in self._objects.list(kind)}
        manifests = {origin: one for part in self._manifests.values() for origin, one in part.items()}
        items = {origin: self._items(origin, one, there.values()) for origin, one in manifests.items()}
        wanted, doubles = collect(items)
        plan = decide(wanted, there, self._manifests)
        complaints = [text for one in manifests.values() for text in one.complaints]
        self._wake.clear()
        self._complain({*complaints, *doubles, *plan.complaints, *self._carry_out(plan)})

    def _items(self, origin: str, manifest: Manifest, there: Iterable[Resource]) -> Iterable[Resource]:
        if manifest.is_whole or manifest.items:
            return manifest.items
        # It can not be read, and was not read since the agent began: what was made of it before stays.
        return [one for one in there if one.metadata.annotations.get(ORIGIN) == origin]

    def _carry_out(self, plan: Plan) -> list[str]:
        complaints = []
        steps: list[tuple[Callable[[Resource], Resource], Resource]] = []
        steps += [(self._objects.create, item) for item in plan.create]
        steps += [(self._objects.replace, item) for item in plan.replace]
        steps += [(self._delete, item) for item in plan.delete]
        for step, item in steps:
            try:
                step(item)
            except FirkinError as error:
                complaints.append(f"{item.metadata.annotations[ORIGIN]}: {error}")
                asyncio.get_running_loop().call_later(_AGAIN, self._wake.set)
        return complaints

    def _delete(self, item: Resource) -> Resource:
        gone = self._objects.delete(type(item), item.metadata.namespace, item.metadata.name)
        return item if gone is None else gone

    def _complain(self, complaints: set[str]) -> None:
        for text in sorted(complaints - self._complaints):
            _LOG.warning("%s", text)
            self._recorder.record(self._node, "Warning", "FailedValidation", text)
        self._complaints = complaints
