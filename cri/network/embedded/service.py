"""The built-in network for the event loop: its thread, what is done later, and what others do to nftables."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from firkin.cri.network.embedded.network import BridgeNetwork
from firkin.cri.network.model import PodNetwork, Sandbox
from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.nftables import NFTABLES_NOTICES, deleted_table
from firkin.cri.network.options import Options
from firkin.errors import FirkinError

__all__ = ["BridgeService"]

_T = TypeVar("_T")
_NETFILTER = 12
# Pods that end within this time of each other, in seconds, are deleted together: see pod_link.retire.
_PATIENCE = 0.2

_log = logging.getLogger(__name__)


class BridgeService:
    """The built-in network, which is made when it is needed first. `thread` is an executor of one thread.

    All methods raise what those of BridgeNetwork raise, and what making one raises.
    """

    def __init__(self, options: Options, thread: ThreadPoolExecutor) -> None:
        self._options = options
        self._thread = thread
        self._network: BridgeNetwork | None = None
        self._notices: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def sandboxes(self) -> frozenset[str]:
        """The ids of the sandboxes that are attached, or were begun to be."""
        return self._network.sandboxes if self._network else frozenset()

    def has_records(self) -> bool:
        """Whether an earlier process left pods attached."""
        try:
            return bool(os.listdir(f"{self._options.state}/pods"))
        except FileNotFoundError:
            return False

    async def attach(self, sandbox: Sandbox) -> PodNetwork:
        """See BridgeNetwork."""
        return await self._do(lambda network: network.attach(sandbox))

    async def detach(self, sandbox: str) -> None:
        """See BridgeNetwork; the pod's link is deleted later, with those of others."""
        if await self._do(lambda network: network.detach(sandbox)) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._begin, BridgeNetwork.flush)

    async def check(self, sandbox: str) -> None:
        """See BridgeNetwork."""
        await self._do(lambda network: network.check(sandbox))

    async def collect(self, dead: frozenset[str]) -> list[str]:
        """See BridgeNetwork."""
        return await self._do(lambda network: network.collect(sorted(dead)))

    async def set_ranges(self, ranges: tuple[str, ...]) -> None:
        """See BridgeNetwork."""
        await self._do(lambda network: network.set_ranges(ranges))

    async def repair(self) -> None:
        """Make what others deleted again, or the network if there is none yet."""
        await self._do(_repair)

    async def close(self) -> None:
        """Delete what is left to be deleted, and let go of the network; the pods stay attached."""
        if self._timer:
            self._timer.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._notices:
            asyncio.get_running_loop().remove_reader(self._notices.fileno())
            self._notices.close()
        if network := self._network:
            self._network = None
            await asyncio.get_running_loop().run_in_executor(self._thread, _finish, network)

    async def _do(self, act: Callable[[BridgeNetwork], _T]) -> _T:
        # What is logged there belongs to the request.
        work = partial(copy_context().run, self._act, act)
        result = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._listen()
        return result

    def _act(self, act: Callable[[BridgeNetwork], _T]) -> _T:
        if self._network is None:
            self._network = BridgeNetwork(self._options)
        return act(self._network)

    def _listen(self) -> None:
        # A firewall that is loaded anew empties nftables first, of everything.
        if self._notices is None:
            self._notices = Connection(_NETFILTER, NFTABLES_NOTICES)
            asyncio.get_running_loop().add_reader(self._notices.fileno(), self._hear)

    def _hear(self) -> None:
        assert self._notices
        try:
            names = [deleted_table(kind, body) for kind, body in self._notices.notices()]
        except OSError as error:
            # ENOBUFS: there were more than could be kept.
            _log.debug("notices of nftables: %s", error)
            names = [self._options.table]
        if self._options.table in names:
            self._begin(_repair)

    def _begin(self, act: Callable[[BridgeNetwork], None]) -> None:
        if act is BridgeNetwork.flush:
            self._timer = None
        task = asyncio.ensure_future(self._try(act))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, act: Callable[[BridgeNetwork], None]) -> None:
        try:
            await self._do(act)
        except (FirkinError, OSError) as error:
            # The next `collect` tries again.
            _log.error("%s", error)


def _repair(network: BridgeNetwork) -> None:
    if network.repair():
        _log.warning("the bridge or the table of nftables was deleted by others, and is made again")


def _finish(network: BridgeNetwork) -> None:
    try:
        network.flush()
    finally:
        network.close()
