"""CheckpointContainer: the processes, files and facts of a container in one archive, while it runs on.

The container is frozen while its processes and files are written, so that they fit each other. What is written lies in
STATE/containers/ID/checkpoint until the archive is whole; a server that starts thaws the container and removes it.

    location    where the archive goes
    thaw        is there if the container is to be thawed
    files/      what goes into the archive
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firkin import log
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.tree import Cgroup
from firkin.cri import faults
from firkin.cri.api.container_pb2 import CheckpointContainerRequest, CheckpointContainerResponse
from firkin.cri.containers.checkpoint_files import describe, pack, write_root
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.errors import CgroupGoneError, ConfigError, DeadlineError, StateError
from firkin.oci.archive.new_file import new_file
from firkin.oci.snapshots.trees import remove_tree
from firkin.runtime.checkpoint.service import find_criu
from firkin.runtime.store import Container as Record

__all__ = ["checkpoint_container", "forget_checkpoint"]

_DOCUMENT = "CheckpointContainerRequest"
_LOGGER = log.to("containers")


async def checkpoint_container(node: Node, request: CheckpointContainerRequest) -> CheckpointContainerResponse:
    """Write the archive of a container that runs; one that is there already is replaced when the new one is whole.

    Raises UnsupportedError without CRIU, StateError, ConfigError, DeadlineError after the timeout of the request;
    what was begun is ended all the same then, as CRIU must not be stopped half-way, and removed.
    """
    container = node.containers.get(request.container_id)
    _check_location(request.location)
    find_criu()
    given_up = threading.Event()
    work = asyncio.ensure_future(_checkpoint(node, container, request.location, given_up))
    await asyncio.wait([work], timeout=request.timeout if request.timeout > 0 else None)
    if not work.done():
        given_up.set()
        work.add_done_callback(_log_end)
        raise DeadlineError(f"container {container.id}: its checkpoint takes longer than {request.timeout} s")
    await work
    return CheckpointContainerResponse()


def _check_location(path: str) -> None:
    if not os.path.isabs(path):
        raise ConfigError("location", f"{path!r} is no absolute path", document=_DOCUMENT)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise ConfigError("location", f"{path!r} is there, and no regular file", document=_DOCUMENT)
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(path)):
            raise ConfigError("location", f"the directory of {path!r} does not exist", document=_DOCUMENT) from None


def _log_end(work: asyncio.Future[None]) -> None:
    if not work.cancelled() and (error := work.exception()) is not None:
        _LOGGER.info("a checkpoint that nobody waits for failed: %s", error)


async def _checkpoint(node: Node, container: Container, location: str, given_up: threading.Event) -> None:
    async with container.lock:
        if not container.facts.started_at or container.stopped.is_set():
            raise StateError(f"container {container.id}: does not run, so there is nothing to write")
        await asyncio.to_thread(_make, node, container, location, given_up)


def _make(node: Node, container: Container, location: str, given_up: threading.Event) -> None:
    directory = f"{node.places.container(container.id)}/checkpoint"
    forget_checkpoint(directory, container)
    files = f"{directory}/files"
    os.makedirs(files, 0o700)
    try:
        with open(f"{directory}/location", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(location)
        with _frozen(container, directory):
            faults.reach("frozen")
            node.handler_of(container).dump(container.id, f"{files}/checkpoint", files)
            write_root(container, files)
        with Record(node.places.runtime, container.id) as record:
            describe(container, record.config_text(), files)
        _publish(files, location, given_up)
    finally:
        forget_checkpoint(directory, container)


@contextmanager
def _frozen(container: Container, directory: str) -> Iterator[None]:
    try:
        with Cgroup(_cgroup(container)) as cgroup:
            is_frozen = cgroup.events().get("frozen") == 1
            if not is_frozen:
                open(f"{directory}/thaw", "x").close()
                cgroup.freeze()
            try:
                yield
            finally:
                if not is_frozen:
                    cgroup.thaw()
    except CgroupGoneError:
        raise StateError(f"container {container.id}: has ended") from None


def _cgroup(container: Container) -> str:
    return f"{known_hierarchy().mount}/{container.facts.cgroup.strip('/')}"


def _publish(files: str, location: str, given_up: threading.Event) -> None:
    temporary = _temporary(location)
    with new_file(temporary) as fd:
        # It holds the memory of the processes.
        os.fchmod(fd, 0o600)
        with open(fd, "wb", closefd=False) as output:
            pack(files, output)
        os.fsync(fd)
        faults.reach("packed")
    if given_up.is_set():
        os.unlink(temporary)
        return
    os.replace(temporary, location)


def _temporary(location: str) -> str:
    directory, name = os.path.split(location)
    return f"{directory}/.{name}.new"


def forget_checkpoint(directory: str, container: Container) -> None:
    """Remove what a checkpoint has left at `directory`, if anything, and let the container run on. Raises OSError."""
    if not os.path.isdir(directory):
        return
    try:
        with open(f"{directory}/location", encoding="utf-8", errors="surrogateescape") as file:
            os.unlink(_temporary(file.read()))
    except FileNotFoundError:
        pass
    if os.path.exists(f"{directory}/thaw"):
        try:
            with Cgroup(_cgroup(container)) as cgroup:
                cgroup.thaw()
        except CgroupGoneError:
            pass
    remove_tree(directory)
