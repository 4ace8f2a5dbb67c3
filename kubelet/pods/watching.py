"""Noticing that the runtime's pods change: its events, and from time to time a look at all that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from firkin import log
from firkin.kubelet.pods.observed import Listing, Observer
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError, CallUnimplementedError

__all__ = ["Watching", "changed_pods"]

_LOG = log.to("runtime")
_WITHOUT_EVENTS = 1.0
_AGAIN = 0.5


def changed_pods(before: Mapping[str, Listing], now: Mapping[str, Listing]) -> set[str]:
    """The pods of which something came, went or has another state."""
    return {
        uid
        for uid in before.keys() | now.keys()
        if uid not in before or uid not in now or before[uid].states != now[uid].states
    }


class Watching:
    """Watches a runtime; `run` it.

    Parameters: `on_change` is called with the uid of each pod that has changed, `on_list` with all pods each time that
    they were listed; `seconds` is how often that is, where the runtime tells of changes itself.
    """

    def __init__(
        self,
        runtime: Runtime,
        observer: Observer,
        on_change: Callable[[str], None],
        on_list: Callable[[Mapping[str, Listing]], None],
        *,
        seconds: float,
    ) -> None:
        self._runtime = runtime
        self._observer = observer
        self._on_change = on_change
        self._on_list = on_list
        self._seconds = seconds
        self._has_events = True
        self._again = asyncio.Event()
        self._known: dict[str, Listing] = {}
        self.is_up = False

    async def run(self) -> None:
        """Watch until cancelled. A runtime that is down is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._look_again_and_again())

    def again(self) -> None:
        """List all pods soon."""
        self._again.set()

    async def list(self) -> Mapping[str, Listing]:
        """List all pods now, and tell of those that have changed. Raises CallError."""
        now = await self._observer.list()
        changed, self._known = changed_pods(self._known, now), now
        for uid in changed:
            self._on_change(uid)
        self._on_list(now)
        return now

    async def _look_again_and_again(self) -> None:
        while True:
            self._again.clear()
            try:
                await self.list()
            except CallError as error:
                self._set_up(is_up=False, why=str(error))
                await asyncio.sleep(_AGAIN)
                continue
            self._set_up(is_up=True)
            await self._rest(self._seconds if self._has_events else _WITHOUT_EVENTS)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except CallUnimplementedError:
                _LOG.info("the runtime does not tell of changes: it is asked each second")
                self._has_events = False
                self._again.set()
                return
            except CallError as error:
                _LOG.debug("events ended: %s", error)
            # What happened meanwhile was not told: the next list shows it.
            self._again.set()
            await asyncio.sleep(_AGAIN)
            self._again.set()

    async def _follow_once(self) -> None:
        async for event in self._runtime.events(self._again.set):
            uid = event.pod_sandbox_status.metadata.uid
            if uid:
                self._on_change(uid)
            else:
                # Gone already, so whose it was is not said.
                self._again.set()

    def _set_up(self, *, is_up: bool, why: str = "") -> None:
        if is_up != self.is_up:
            _LOG.info("the runtime answers") if is_up else _LOG.error("the runtime does not answer: %s", why)
        self.is_up = is_up
