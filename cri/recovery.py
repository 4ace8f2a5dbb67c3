"""After a restart: what the records say is compared with what there is, and what nobody knows any more is removed.

Containers run on while the server is away. What was begun and not finished is undone.
"""

from __future__ import annotations

import asyncio
import enum
import os
import time
from collections.abc import Iterator

from google.protobuf.message import DecodeError

from firkin import log
from firkin.cri import faults
from firkin.cri.containers.checkpoint import forget_checkpoint
from firkin.cri.containers.exits import Exits
from firkin.cri.handlers.table import DEFAULT
from firkin.cri.node import Node
from firkin.cri.records.container import Container, ContainerFacts
from firkin.cri.records.sandbox import Sandbox, SandboxFacts
from firkin.cri.sandboxes.stop import release
from firkin.cri.streaming.descriptors import readable
from firkin.errors import FirkinError, StateError
from firkin.oci.snapshots.trees import remove_tree
from firkin.runtime.monitor.client import Client, Done, End
from firkin.runtime.monitor.record import Status
from firkin.runtime.monitor.recovery import ATTENDED, ENDED, look

__all__ = ["Decision", "decide", "recover"]

_PATIENCE = 10.0
"""Seconds that the server waits for a monitor before it begins to serve."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOGGER = log.to("recovery")


class Decision(enum.Enum):
    """What is done with a container that an earlier server has recorded."""

    KEEP = "is as it was"
    WATCH = "runs on"
    SETTLE = "has ended meanwhile, or its monitor was killed"
    LOSE = "has ended with the machine"


def decide(facts: ContainerFacts, live: str | None) -> Decision:
    """What is done with a container.

    Parameters: `live` is what `firkin.runtime.monitor.recovery.look` says of its directory, None if that is gone.
    """
    if facts.finished_at or facts.is_lost:
        return Decision.KEEP
    if live is None:
        # The directory does not outlive a boot.
        return Decision.LOSE
    if live == ATTENDED:
        return Decision.WATCH
    if live == ENDED or facts.started_at:
        return Decision.SETTLE
    return Decision.KEEP


async def recover(node: Node, exits: Exits) -> None:
    """Fill the tables of `node` from its database, and make what there is agree with them."""
    with log.bound(call="recovery"):
        unreadable = _load(node)
        faults.reach("loaded")
        for sandbox in node.sandboxes:
            await _guarded(_recover_sandbox(node, sandbox), f"sandbox {sandbox.id}")
        faults.reach("sandboxes")
        # Their monitors are asked side by side: one that does not answer keeps nobody but its container waiting.
        await asyncio.gather(
            *(_guarded(_recover_container(node, exits, one), f"container {one.id}") for one in node.containers)
        )
        faults.reach("containers")
        await _guarded(_collect(node, unreadable), "what is left over")
        faults.reach("collected")
        _LOGGER.info("%d sandboxes and %d containers are known", len(node.sandboxes), len(node.containers))


def _load(node: Node) -> set[str]:
    # The ids of which there is a record that can not be read.
    unreadable = set()
    for row in list(node.database.rows("sandbox")):
        try:
            node.sandboxes.add(Sandbox.load(row, node.database))
        except (StateError, DecodeError) as error:
            unreadable.add(row.id)
            _LOGGER.error("pod sandbox %s (%s): its record can not be read: %s", row.id, row.name, error)
    for row in list(node.database.rows("container")):
        try:
            node.containers.add(Container.load(row, node.database))
        except (StateError, DecodeError) as error:
            unreadable.add(row.id)
            _LOGGER.error("container %s (%s): its record can not be read: %s", row.id, row.name, error)
    if unreadable:
        _LOGGER.error("%s: these records and all that belongs to them are left alone", node.database.path)
    _tell_missing_handlers(node)
    return unreadable


def _tell_missing_handlers(node: Node) -> None:
    known = {handler.name for handler in node.handlers}
    for name in sorted({sandbox.facts.handler or DEFAULT for sandbox in node.sandboxes} - known):
        _LOGGER.error("runtime handler %s is not configured any more: its pods can only be stopped and removed", name)


async def _guarded(work: object, what: str) -> None:
    try:
        await work  # type: ignore[misc]
    except (FirkinError, OSError) as error:
        _LOGGER.error("%s: %s", what, error)


async def _recover_sandbox(node: Node, sandbox: Sandbox) -> None:
    if sandbox.facts == SandboxFacts(created_at=sandbox.facts.created_at, handler=sandbox.facts.handler):
        # It was never whole.
        await release(node, sandbox)
        sandbox.forget()
        node.sandboxes.discard(sandbox)
    elif sandbox.facts.is_ready and not all(map(os.path.exists, sandbox.facts.namespaces.values())):
        sandbox.update(is_ready=False)


async def _recover_container(node: Node, exits: Exits, container: Container) -> None:
    directory = node.places.container(container.id)
    if node.sandboxes.find(container.facts.sandbox) is None:
        _LOGGER.warning("container %s: its sandbox is gone", container.id)
    forget_checkpoint(f"{directory}/checkpoint", container)
    decision = decide(container.facts, _look(directory))
    _LOGGER.debug("container %s: %s", container.id, decision.value)
    if decision is Decision.WATCH:
        await _watch_soon(node, exits, container)
    elif decision is Decision.SETTLE:
        await exits.settle(container)
    elif decision is Decision.LOSE:
        reason, message = "ContainerStatusUnknown", "the machine was started anew"
        container.update(finished_at=time.time_ns(), exit_code=255, reason=reason, message=message)
    if container.facts.finished_at or container.facts.is_lost:
        container.stopped.set()


def _look(directory: str) -> str | None:
    try:
        fd = os.open(directory, _DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        return look(fd)
    finally:
        os.close(fd)


async def _watch_soon(node: Node, exits: Exits, container: Container) -> None:
    # A monitor may be stopped, or wait for a disk: it is waited for, and nobody else has to.
    watching = exits.wait_for(_guarded(_watch(node, exits, container), f"container {container.id}"))
    done, _ = await asyncio.wait([watching], timeout=_PATIENCE)
    if not done:
        _LOGGER.error("container %s: its monitor does not answer; it is watched when it does", container.id)


async def _watch(node: Node, exits: Exits, container: Container) -> None:
    found = await _attend(node.places.container(container.id))
    if found is None:
        await exits.settle(container)
        return
    status, monitor = found
    # Its end is noticed from now on, whatever becomes of the rest.
    exits.watch(container, monitor)
    if not container.facts.started_at:
        # The server was killed between the start and its writing down.
        container.update(started_at=status.started_ns, process=(status.pid, status.start_time))


async def _attend(directory: str) -> tuple[Status, int] | None:
    """What the monitor says, and a pidfd of it; None if it has gone."""
    fd = os.open(directory, _DIRECTORY)
    try:
        with Client(fd) as client:
            client.ask_status()
            status = await _answer(client)
            if status is None or not status.monitor:
                return None
            monitor = os.pidfd_open(status.monitor)
            # The number may have been given to another process, but not while the connection stands.
            if client.receive() is None:
                return status, monitor
            os.close(monitor)
    except (StateError, ProcessLookupError):
        return None
    finally:
        os.close(fd)
    return None


async def _answer(client: Client) -> Status | None:
    while True:
        event = client.receive()
        if isinstance(event, Done | End):
            return event.status
        await readable(client.fileno())


async def _collect(node: Node, unreadable: set[str]) -> None:
    containers = {container.id for container in node.containers} | unreadable
    sandboxes = {sandbox.id for sandbox in node.sandboxes} | unreadable
    for id in _strangers(node.places.containers, containers):
        await asyncio.to_thread(_remove_container, node, id)
    for id in _strangers(node.places.runtime, containers):
        await asyncio.to_thread(_remove_container, node, id)
    for handler in os.listdir(node.places.handlers):
        for id in _strangers(node.places.handler(handler), containers):
            await asyncio.to_thread(node.handlers.of_record(handler).remove, id)
    for id in {*_strangers(node.places.sandboxes, sandboxes), *_strangers(node.places.pins, sandboxes)}:
        await release(node, Sandbox.unknown(id, node.database))
    # Last: what holds files of containers that are gone is gone by now.
    await node.file_systems.collect()
    for said in await node.networks.collect(sandboxes):
        _LOGGER.info("%s", said)


def _strangers(directory: str, known: set[str]) -> Iterator[str]:
    # Names that begin with a dot are not ids.
    yield from sorted(name for name in os.listdir(directory) if name not in known and name[0] != ".")


def _remove_container(node: Node, id: str) -> None:
    _LOGGER.info("container %s: is no longer known, and is removed", id)
    for handler in node.handlers:
        handler.remove(id)
    remove_tree(node.places.container(id))
