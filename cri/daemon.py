"""The server as a process: parts are made in an order in which each finds those it needs, and ended in the other one.

Containers run on when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from firkin import log
from firkin.cri.activation import ManagerSocket, manager_socket
from firkin.cri.config import Config
from firkin.cri.containers.exits import Exits
from firkin.cri.containers.filesystem import FileSystems
from firkin.cri.execution.streams import Streams
from firkin.cri.handlers.scopes import Scopes
from firkin.cri.handlers.table import Handlers
from firkin.cri.host import host_facts
from firkin.cri.images.service import ImageService
from firkin.cri.listen import listen
from firkin.cri.network import Networks, Options
from firkin.cri.node import Node
from firkin.cri.phase import Phase
from firkin.cri.places import Places
from firkin.cri.records.database import Database
from firkin.cri.recovery import recover
from firkin.cri.reload import Reload
from firkin.cri.rpc import Dispatcher
from firkin.cri.service import RuntimeService
from firkin.cri.stats.service import StatsService
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.server import StreamingServer
from firkin.cri.telemetry.meters import Meters
from firkin.notify import notify
from firkin.oci.store.images import ImageStore
from firkin.runtime.host import read_host
from firkin.runtime.monitor.launch import Launcher
from firkin.runtime.nursery import Nursery

__all__ = ["serve"]

_LOGGER = log.to("daemon")


async def serve(
    config: Config, load: Callable[[], Config], beside: Callable[[asyncio.Event], Awaitable[None]] | None = None
) -> None:
    """Serve CRI until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    Parameters: `load` reads it, and raises ConfigError for what is wrong; `beside` runs while there is a server, until
    the event that it is given is set, and its end is the server's.
    Raises FirkinError if something that is needed can not be had.
    """
    manager = manager_socket(config.socket)
    # The command line runs without: it ends before there is anything worth collecting.
    gc.enable()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A program that does not read its input any more is an error of its stream.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    hung_up = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    async with AsyncExitStack() as parts:
        node, reload = await _assemble(config, load, parts, manager)
        loop.add_signal_handler(signal.SIGHUP, reload)
        if hung_up.is_set():
            reload()
        # What there is now stays: it need not be looked through again and again.
        gc.collect()
        gc.freeze()
        node.phase = Phase.SERVING
        notify("READY=1")
        _LOGGER.info("serving CRI on %s", config.socket)
        await (beside or asyncio.Event.wait)(stopping)
        node.phase = Phase.STOPPING
        notify("STOPPING=1")
        _LOGGER.info("stopping")


async def _assemble(
    config: Config, load: Callable[[], Config], parts: AsyncExitStack, manager: ManagerSocket | None
) -> tuple[Node, Reload]:
    for path in (config.root, config.state):
        os.makedirs(path, 0o700, exist_ok=True)
    database = Database(f"{config.root}/cri.db")
    parts.callback(database.close)
    store = parts.enter_context(ImageStore(config.root))
    file_systems = FileSystems(config.root)
    parts.push_async_callback(file_systems.close)
    networks = await _networks(config, parts)
    meters = Meters()
    images = ImageService(store, config.images, file_systems, meters)
    places = Places(config.state)
    nursery = parts.enter_context(Nursery())
    host = read_host(places.runtime)
    scopes = Scopes(host) if config.cgroup_driver == "systemd" else None
    node = Node(
        config,
        database,
        places=places,
        networks=networks,
        catalog=images.catalog,
        file_systems=file_systems,
        nursery=nursery.path,
        launcher=parts.enter_context(Launcher(nursery)),
        facts=host_facts(systemd=scopes is not None, systemd_root=scopes.root if scopes else ""),
        host=host,
        handlers=Handlers(config, places, host, scopes),
        meters=meters,
        scopes=scopes,
    )
    await _telemetry(config, node, parts)
    exits = Exits(node)
    parts.push_async_callback(exits.close)
    await recover(node, exits)
    streaming = await _streaming(config, Streams(node), parts)
    stats = StatsService(node)
    parts.callback(stats.close)
    runtime = RuntimeService(node, exits, streaming)
    dispatcher = Dispatcher({**runtime.routes(), **stats.routes(), **images.routes()}, meters)
    parts.push_async_callback(await listen(config, dispatcher, manager))
    return node, Reload(node, images, streaming, load)


async def _telemetry(config: Config, node: Node, parts: AsyncExitStack) -> None:
    if not config.metrics.address:
        return
    from firkin.cri.telemetry.endpoint import Endpoint
    from firkin.cri.telemetry.pages import pages_of

    # From before recovery until after the last call: how far the server is, is one of the answers.
    endpoint = Endpoint(config.metrics.address, pages_of(node))
    await endpoint.start()
    parts.push_async_callback(endpoint.close)
    _LOGGER.info("serving metrics on %s", config.metrics.address)


async def _networks(config: Config, parts: AsyncExitStack) -> Networks:
    wanted = config.network
    options = Options(
        cni_configurations=wanted.config_directory,
        cni_plugins=wanted.plugin_directories,
        cni_cache=wanted.cache_directory,
        state=f"{config.state}/network",
        ranges=wanted.pod_cidrs,
        bridge=wanted.bridge,
        table=wanted.table,
    )
    networks = Networks(options)
    await networks.start()
    parts.push_async_callback(networks.close)
    return networks


async def _streaming(config: Config, streams: Streams, parts: AsyncExitStack) -> StreamingServer:
    wanted, tls = config.streaming, None
    if wanted.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    streaming = StreamingServer(streams, Limits(idle=wanted.idle_seconds), tls)
    streaming.read_certificate(wanted.certificate, wanted.key)
    await streaming.start(wanted.address, wanted.port)
    parts.push_async_callback(streaming.close)
    return streaming
