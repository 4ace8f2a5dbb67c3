"""The networks of pods, for the event loop. What is asked for one pod is done one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from firkin.cri.network.cni.configuration import Configuration
from firkin.cri.network.cni.directory import Choice, ConfigurationDirectory
from firkin.cri.network.cni.interface import set_loopback_up
from firkin.cri.network.cni.network import CniNetwork
from firkin.cri.network.model import PodNetwork, Sandbox, Status
from firkin.cri.network.options import Options
from firkin.errors import AlreadyExistsError, FirkinError, NetworkError

if TYPE_CHECKING:
    from firkin.cri.network.embedded.service import BridgeService

__all__ = ["Networks"]

_T = TypeVar("_T")
_PLUGINS_AT_A_TIME = 16
_NOT_READY = "NetworkPluginNotReady"

_log = logging.getLogger(__name__)


class Networks:
    """Attaches pods, by CNI plug-ins where a network is configured, else to the built-in network.

    An operation that was begun is finished, whether or not its caller waits for it. `start` comes first, `close` last.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._thread = ThreadPoolExecutor(1, "network")
        self._plugin_threads = ThreadPoolExecutor(_PLUGINS_AT_A_TIME, "cni")
        self._last: dict[str, asyncio.Task[Any]] = {}
        self._bridge_service: BridgeService | None = None
        self._said: Choice | None = None

    async def start(self) -> None:
        """Read what there is, and watch the configuration.

        A network that can not be made is no error here: `status` tells. Raises KernelError, OSError.
        """
        self._cni = CniNetwork(self._options)
        self._directory = ConfigurationDirectory(self._options.cni_configurations)
        asyncio.get_running_loop().add_reader(self._directory.fileno(), self._choose)
        choice = self._choose()
        if self._bridge.has_records() or choice == Choice(None, ()):
            try:
                await self._bridge.repair()
            except (FirkinError, OSError) as error:
                _log.error("%s", error)

    def use(self, configurations: str, plugins: tuple[str, ...]) -> None:
        """Take the configurations of another directory, and the programs of others, from now on.

        What is attached stays so: how it is detached is written down, but for where the programs are.
        Raises KernelError if the directory can not be watched; then nothing has changed.
        """
        if configurations != self._options.cni_configurations:
            directory = ConfigurationDirectory(configurations)
            self._watch_no_more()
            self._directory = directory
            asyncio.get_running_loop().add_reader(directory.fileno(), self._choose)
        self._options = replace(self._options, cni_configurations=configurations, cni_plugins=plugins)
        self._cni.plugins = plugins
        self._choose()

    def _watch_no_more(self) -> None:
        asyncio.get_running_loop().remove_reader(self._directory.fileno())
        self._directory.close()

    async def close(self) -> None:
        """Finish what was begun, and let go; the pods stay attached."""
        while self._last:
            await asyncio.wait(self._last.values())
        self._watch_no_more()
        if self._bridge_service:
            await self._bridge_service.close()
        self._thread.shutdown()
        self._plugin_threads.shutdown()

    async def attach(self, sandbox: Sandbox) -> PodNetwork:
        """Attach a pod. If that fails, nothing of it is left; if it can not be undone, `detach` may be tried again.

        Raises AlreadyExistsError if it is attached; NetworkError, KernelError; ConfigError for what is wrong with
        the sandbox; OSError.
        """
        return await self._in_turn(sandbox.id, lambda: self._attach(sandbox))

    async def detach(self, sandbox: str) -> None:
        """Detach a pod, if it is attached. Raises NetworkError, KernelError, OSError; then it may be tried again."""
        await self._in_turn(sandbox, lambda: self._detach(sandbox))

    def has(self, sandbox: str) -> bool:
        """Whether a pod is attached."""
        return sandbox in self._cni.sandboxes or sandbox in self._attached_to_bridge()

    async def check(self, sandbox: str) -> None:
        """See that an attached pod's network is as it was made.

        Raises NotFoundError if it is not attached, NetworkError if it is not as it was made, KernelError.
        """
        await self._in_turn(sandbox, lambda: self._check(sandbox))

    async def status(self) -> Status:
        """Whether pods can be attached now. What others deleted of the built-in network is made again."""
        choice = self._choose()
        try:
            if choice.configuration:
                await self._call(self._cni.status, choice.configuration)
            elif choice.faults:
                return Status(False, _NOT_READY, "; ".join(choice.faults))
            else:
                await self._bridge.repair()
        except (FirkinError, OSError) as error:
            return Status(False, _NOT_READY, str(error), _source(choice))
        return Status(True, source=_source(choice))

    async def collect(self, live: Iterable[str]) -> list[str]:
        """Detach all pods but `live` and those that are being attached, and delete what a crash left behind.

        Parameters: `live` are the ids of all sandboxes that there are, those too that are being made.
        Returns what was collected, in words. Everything is tried. Raises NetworkError with all that failed.
        """
        choice = self._choose()
        said: list[str] = []
        failures: list[str] = []
        if uses_bridge := self._uses_bridge(choice):
            # It may not have been possible to make it before: what it has is known when it is made.
            try:
                await self._bridge.repair()
            except (FirkinError, OSError) as error:
                failures.append(str(error))
                uses_bridge = False
        living = {*live, *self._last}
        works: list[Coroutine[Any, Any, list[str]]] = [
            self._call(self._cni.collect, self._cni.sandboxes - living, choice.configuration)
        ]
        if uses_bridge:
            works.append(self._bridge.collect(self._bridge.sandboxes - living))
        for outcome in await asyncio.gather(*works, return_exceptions=True):
            if isinstance(outcome, FirkinError | OSError):
                failures.append(str(outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                said += outcome
        if failures:
            raise NetworkError("; ".join(failures))
        return said

    async def update_pod_cidr(self, text: str) -> None:
        """Give addresses of other ranges from now on: one of IPv4, of IPv6, or both, with a comma; "" changes nothing.

        Plug-ins have their ranges in their configuration. Raises ConfigError, NetworkError, KernelError, OSError.
        """
        ranges = tuple(part.strip() for part in text.split(",") if part.strip())
        if ranges and self._choose() == Choice(None, ()):
            await self._bridge.set_ranges(ranges)

    @property
    def _bridge(self) -> BridgeService:
        if self._bridge_service is None:
            # pyroute2 is for this network only.
            from firkin.cri.network.embedded.service import BridgeService

            self._bridge_service = BridgeService(self._options, self._thread)
        return self._bridge_service

    def _uses_bridge(self, choice: Choice) -> bool:
        return choice == Choice(None, ()) or self._bridge.has_records()

    def _choose(self) -> Choice:
        choice = self._directory.current()
        if choice != self._said:
            self._said = choice
            for fault in choice.faults:
                _log.warning("%s", fault)
            where = "nowhere" if choice.faults else "built in"
            _log.info("the network of pods is %s", f"that of {_source(choice)}" if choice.configuration else where)
        return choice

    async def _attach(self, sandbox: Sandbox) -> PodNetwork:
        if sandbox.id in self._cni.sandboxes | self._attached_to_bridge():
            raise AlreadyExistsError(f"attach sandbox {sandbox.id}: it is attached already")
        choice = self._choose()
        if choice.configuration:
            return await self._call(self._attach_by_plugins, sandbox, choice.configuration)
        if choice.faults:
            raise NetworkError(f"attach sandbox {sandbox.id}: {'; '.join(choice.faults)}")
        return await self._bridge.attach(sandbox)

    def _attach_by_plugins(self, sandbox: Sandbox, configuration: Configuration) -> PodNetwork:
        set_loopback_up(sandbox.netns)
        return self._cni.attach(sandbox, configuration)

    async def _detach(self, sandbox: str) -> None:
        if sandbox in self._cni.sandboxes:
            await self._call(self._cni.detach, sandbox)
        if sandbox in self._attached_to_bridge():
            await self._bridge.detach(sandbox)

    async def _check(self, sandbox: str) -> None:
        if sandbox in self._attached_to_bridge():
            await self._bridge.check(sandbox)
        else:
            await self._call(self._cni.check, sandbox)

    def _attached_to_bridge(self) -> frozenset[str]:
        return self._bridge_service.sandboxes if self._bridge_service else frozenset()

    async def _in_turn(self, sandbox: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        before = self._last.get(sandbox)

        async def run() -> _T:
            if before:
                await asyncio.wait([before])
            return await work()

        task = asyncio.ensure_future(run())
        self._last[sandbox] = task
        task.add_done_callback(lambda done: self._ended(sandbox, done))
        return await asyncio.shield(task)

    def _ended(self, sandbox: str, task: asyncio.Task[Any]) -> None:
        if self._last.get(sandbox) is task:
            del self._last[sandbox]
        if not task.cancelled() and (error := task.exception()):
            # Its caller may have gone.
            _log.debug("sandbox %s: %s", sandbox, error)

    async def _call(self, function: Callable[..., _T], *arguments: object) -> _T:
        # What is logged there belongs to the request.
        work = partial(copy_context().run, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._plugin_threads, work)


def _source(choice: Choice) -> str:
    return choice.configuration.path if choice.configuration else ""
