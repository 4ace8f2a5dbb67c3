"""The agent as a process: its parts in the order in which each finds those it needs, and ended in the other one.

Pods run on when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from firkin import log
from firkin.errors import KernelError, StateError
from firkin.kubelet.apiserver.api import Api
from firkin.kubelet.config import Config
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.events.recorder import Recorder
from firkin.kubelet.http.message import Answer, Request
from firkin.kubelet.http.server import Server
from firkin.kubelet.logs.pods import LogLinks, running_logs
from firkin.kubelet.logs.rotation import Rotator
from firkin.kubelet.node import Machine
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.pods.assembly import make_services
from firkin.kubelet.pods.garbage import Collector
from firkin.kubelet.pods.observed import Listing
from firkin.kubelet.pods.services import Services
from firkin.kubelet.pods.watching import Watching
from firkin.kubelet.pods.workers import Workers
from firkin.kubelet.preparation import MachinePreparation
from firkin.kubelet.probes.check import Checks
from firkin.kubelet.probes.manager import Probes
from firkin.kubelet.resources.cgroups import PodCgroups
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError
from firkin.kubelet.server.outside import Outside
from firkin.kubelet.server.server import HttpsServer
from firkin.kubelet.sources.sources import Sources
from firkin.kubelet.upkeep import Upkeep, cgroup_driver
from firkin.kubelet.volumes.manager import Volumes
from firkin.kubelet.workloads.controller import Workloads
from firkin.notify import notify

__all__ = ["Agent", "run_until", "serve"]

_LOG = log.to("agent")
_AGAIN = 0.5
_SOON = 1.0


async def serve(config: Config) -> None:
    """Keep pods running until SIGTERM or SIGINT. Raises FirkinError if something that is needed can not be had."""
    # The command line runs without: it ends before there is anything worth collecting.
    gc.enable()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await run_until(config, stopping)


async def run_until(config: Config, stopping: asyncio.Event) -> None:
    """Keep pods running until `stopping` is set. Raises FirkinError if something that is needed can not be had."""
    async with AsyncExitStack() as parts:
        waiting = asyncio.create_task(stopping.wait())
        parts.callback(waiting.cancel)
        making = asyncio.create_task(Agent.make(config, parts))
        await asyncio.wait({making, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            # It waits for a runtime that is not there.
            making.cancel()
            return
        running = asyncio.create_task((await making).run())
        # What there is now stays: it need not be looked through again and again.
        gc.collect()
        gc.freeze()
        notify("READY=1")
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        notify("STOPPING=1")
        _LOG.info("stopping")
        running.cancel()
        # A part that failed ends the agent, with its error.
        with contextlib.suppress(asyncio.CancelledError):
            await running


class Agent:
    """Everything that keeps the pods of one machine running."""

    def __init__(
        self,
        config: Config,
        services: Services,
        workers: Workers,
        machine: Machine,
        recorder: Recorder,
        outside: Outside,
        upkeep: Upkeep,
    ) -> None:
        self.config = config
        self.upkeep = upkeep
        self.services = services
        self.workers = workers
        self.machine = machine
        self.recorder = recorder
        self.outside = outside
        self._watching: Watching | None = None
        self.sources = Sources(services.objects, config.sources, machine.name, recorder)
        self.workloads = Workloads(services.objects, recorder, machine.name, machine.labels)
        self.api = Api(services.objects, machine.name, outside.subresources())
        self.https = HttpsServer(config, outside, self.api.handle)
        self.socket = Server(self._answer)

    @classmethod
    async def make(cls, config: Config, parts: AsyncExitStack) -> Agent:
        """Make all parts; `parts` ends them. Raises FirkinError."""
        _lock(config.root, parts)
        runtime = Runtime(config.runtime_endpoint, seconds=config.runtime_seconds)
        parts.push_async_callback(runtime.close)
        runtime_name, can_be_recursive = await _reach(runtime)
        objects = Objects(f"{config.root}/objects.db", warn=_LOG.warning)
        parts.callback(objects.close)
        machine = Machine(config)
        recorder = Recorder(objects, "kubelet", machine.name, lambda: datetime.now(UTC))
        facts = Facts(host_ips=machine.ips, allocatable=machine.allocatable.quantities())
        volumes = Volumes(config.root, objects, lambda pod: facts)
        driver = await cgroup_driver(config.resources.cgroup_driver, runtime)
        cgroups = PodCgroups(config.resources, machine.capacity, machine.allocatable, driver)
        preparation = MachinePreparation(
            config, machine, objects, recorder, volumes, cgroups, can_be_recursive=can_be_recursive
        )
        probes = Probes(Checks(runtime).ask, recorder, lambda uid: workers.poke(uid))
        parts.push_async_callback(probes.close)
        services = make_services(config, runtime, objects, recorder, preparation, probes, machine)
        services.observer.runtime_name = runtime_name
        workers = Workers(services)
        outside = Outside(config, machine.name, objects, runtime, probes)
        upkeep = await Upkeep.make(config, machine, services, recorder, workers, volumes, cgroups)
        agent = cls(config, services, workers, machine, recorder, outside, upkeep)
        await agent.https.start(machine.name, machine.ips)
        parts.push_async_callback(agent.https.close)
        await agent.socket.listen_unix(f"{config.state}/kubelet.sock")
        parts.push_async_callback(agent.socket.close)
        return agent

    async def run(self) -> None:
        """Keep pods running until cancelled; an error of a part ends all."""
        services = self.services
        async with asyncio.TaskGroup() as group:
            watching = self._watching = Watching(
                services.runtime,
                services.observer,
                self.workers.poke,
                self._listed,
                seconds=self.config.relist_seconds,
            )
            collector = Collector(
                services.runtime,
                services.observer,
                services.preparation,
                services.logs,
                self.workers.uids,
                self.is_complete,
            )
            for name, work in (
                ("pods", self.workers.run()),
                ("runtime", watching.run()),
                ("garbage", collector.run()),
                ("events", self.recorder.run()),
                ("sources", self.sources.run()),
                ("workloads", self.workloads.run()),
                ("log rotation", self._rotator().run()),
                *self.upkeep.works(collector),
            ):
                group.create_task(work, name=name)
            if links := self.config.container_logs.links:
                group.create_task(LogLinks(services.objects, self.config.logs, links).run(), name="log links")

    def _rotator(self) -> Rotator:
        services, settings = self.services, self.config.container_logs
        return Rotator(
            services.runtime,
            lambda: running_logs(services.objects, self.config.logs),
            most_bytes=settings.max_bytes,
            most_files=settings.max_files,
            clock=lambda: datetime.now(UTC),
        )

    def _listed(self, there: Mapping[str, Listing]) -> None:
        if self.is_complete():
            self.workers.adopt(there)
        elif self._watching is not None:
            # What nobody wants is ended as soon as that is known, not with the next list.
            asyncio.get_running_loop().call_later(_SOON, self._watching.again)

    def is_complete(self) -> bool:
        """Whether all that is wanted is known: then what nobody wants can go."""
        return self.sources.is_complete()

    async def _answer(self, request: Request) -> Answer:
        # Whoever can open the socket is root, and may do everything.
        answer = await self.outside.answer(request)
        return answer if answer is not None else await self.api.handle(request)


async def _reach(runtime: Runtime) -> tuple[str, bool]:
    # Waits for the runtime: its name, and whether it can make mounts read-only recursively.
    is_told = False
    while True:
        try:
            version = await runtime.version()
            status = await runtime.status()
        except CallError as error:
            if not is_told:
                _LOG.warning("waits for the runtime: %s", error)
                is_told = True
            await asyncio.sleep(_AGAIN)
            continue
        _LOG.info("the runtime is %s %s", version.runtime_name, version.runtime_version)
        return version.runtime_name, any(one.features.recursive_read_only_mounts for one in status.runtime_handlers)


def _lock(root: str, parts: AsyncExitStack) -> None:
    # Two agents with the same directory would work against each other.
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        fd = os.open(f"{root}/lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KernelError(f"make {root}", error.errno or 0) from error
    parts.callback(os.close, fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateError(f"{root}: another firkin kubelet uses it", hint="set kubelet.root to run several") from None
