"""The server as a process: parts are made in an order in which each finds those it needs, and ended in the other one.

Containers run on when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import ssl
from contextlib import AsyncExitStack

import grpc

from firkin import log
from firkin.cri.config import Config
from firkin.cri.containers.exits import Exits
from firkin.cri.containers.filesystem import FileSystems
from firkin.cri.execution.launch import Launcher as ProgramLauncher
from firkin.cri.execution.streams import Streams
from firkin.cri.host import host_facts
from firkin.cri.images.service import ImageService
from firkin.cri.network import Networks, Options
from firkin.cri.node import Node
from firkin.cri.places import Places
from firkin.cri.records.database import Database
from firkin.cri.recovery import recover
from firkin.cri.rpc import Dispatcher
from firkin.cri.service import RuntimeService
from firkin.cri.stats.service import StatsService
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.server import StreamingServer
from firkin.errors import KernelError
from firkin.notify import notify
from firkin.oci.store.images import ImageStore
from firkin.runtime.host import read_host
from firkin.runtime.monitor.launch import Launcher
from firkin.runtime.nursery import Nursery

__all__ = ["serve"]

_GRACE = 20.0
"""Seconds that calls which were begun have to end when the server stops."""

_LARGEST_MESSAGE = 16 << 20
_LOGGER = log.to("daemon")


async def serve(config: Config) -> None:
    """Serve CRI until SIGTERM or SIGINT. Raises FirkinError if something that is needed can not be had."""
    # The command line runs without: it ends before there is anything worth collecting.
    gc.enable()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A program that does not read its input any more is an error of its stream.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as parts:
        await _assemble(config, parts)
        # What there is now stays: it need not be looked through again and again.
        gc.collect()
        gc.freeze()
        notify("READY=1")
        _LOGGER.info("serving CRI on %s", config.socket)
        await stopping.wait()
        notify("STOPPING=1")
        _LOGGER.info("stopping")


async def _assemble(config: Config, parts: AsyncExitStack) -> None:
    for path in (config.root, config.state):
        os.makedirs(path, 0o700, exist_ok=True)
    database = Database(f"{config.root}/cri.db")
    parts.callback(database.close)
    store = parts.enter_context(ImageStore(config.root))
    file_systems = FileSystems(config.root)
    parts.push_async_callback(file_systems.close)
    networks = await _networks(config, parts)
    images = ImageService(store, config.images, file_systems)
    places = Places(config.state)
    nursery = parts.enter_context(Nursery())
    host = read_host(places.runtime)
    node = Node(
        config,
        database,
        places=places,
        networks=networks,
        catalog=images.catalog,
        file_systems=file_systems,
        nursery=nursery.path,
        launcher=parts.enter_context(Launcher(nursery)),
        facts=host_facts(systemd=False),
        host=host,
    )
    exits = Exits(node)
    parts.push_async_callback(exits.close)
    await recover(node, exits)
    programs = ProgramLauncher(places.runtime, host)
    streaming = await _streaming(config, Streams(node, programs), parts)
    stats = StatsService(node)
    parts.callback(stats.close)
    runtime = RuntimeService(node, exits, programs, streaming)
    dispatcher = Dispatcher({**runtime.routes(), **stats.routes(), **images.routes()})
    await _listen(config, dispatcher, parts)


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
        tls.load_cert_chain(wanted.certificate, wanted.key)
    streaming = StreamingServer(streams, Limits(idle=wanted.idle_seconds), tls)
    await streaming.start(wanted.address, wanted.port)
    parts.push_async_callback(streaming.close)
    return streaming


async def _listen(config: Config, dispatcher: Dispatcher, parts: AsyncExitStack) -> None:
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            # Two streams of ExecSync at their most, and what is around them.
            ("grpc.max_send_message_length", 3 * _LARGEST_MESSAGE),
        ]
    )
    server.add_generic_rpc_handlers(dispatcher.handlers())
    os.makedirs(os.path.dirname(config.socket), 0o700, exist_ok=True)
    _remove_socket(config.socket)
    before = os.umask(0o177)
    try:
        # Born with mode 0600: nobody but root can connect.
        server.add_insecure_port(f"unix:{config.socket}")
    finally:
        os.umask(before)
    await server.start()

    async def stop() -> None:
        await server.stop(_GRACE)
        await dispatcher.drain(_GRACE)
        _remove_socket(config.socket)

    parts.push_async_callback(stop)


def _remove_socket(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelError(f"remove {path}", error.errno or 0) from error
