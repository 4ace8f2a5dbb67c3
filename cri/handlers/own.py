"""The handler that is this process: plans, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial

from firkin.cgroupfs.tree import Cgroup
from firkin.cgroupfs.update import update
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.execution.launch import Launcher, Program, Wish
from firkin.cri.handlers.handler import Features
from firkin.cri.handlers.records import destroy_cgroup, remove_record, request_of
from firkin.cri.handlers.scopes import Scopes
from firkin.cri.places import Places
from firkin.errors import CgroupGoneError, FirkinError, StateError
from firkin.oci.runtime_spec import Config, Resources
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.checkpoint.dump import dump
from firkin.runtime.checkpoint.messages import Opts
from firkin.runtime.checkpoint.options import Places as CheckpointPlaces
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Host, Request
from firkin.runtime.monitor.launch import NURSERY
from firkin.runtime.status import check
from firkin.runtime.store import Container

__all__ = ["OwnHandler"]

_DUMP = {Opts.leave_running: True, Opts.tcp_established: True, Opts.ext_unix_sk: True, Opts.file_locks: True}


class OwnHandler:
    """firkin's own runtime; see `firkin.cri.handlers.handler.Handler`."""

    features = Features(recursive_read_only_mounts=True, user_namespaces=True, systemd_cgroups=True)

    def __init__(self, name: str, places: Places, host: Host, scopes: Scopes | None = None) -> None:
        self.name = name
        self._places = places
        self._host = host
        self._scopes = scopes
        self._launcher = Launcher(places.runtime, host)

    def plan(self, container: str, config: Config, files: FileSystem) -> bytes:
        """The plan that starts a container."""
        request = request_of(self._places, container, config, files, nursery=NURSERY)
        if self._scopes:
            request.scope = self._scopes.expected(config, request)
            # Its limits are properties of the scope, which is made at the start, perhaps by a later server.
            with open(self._configuration(container), "wb") as file:
                file.write(request.config)
        plan, _warnings = compile_container(config, request, self._host)
        return plan

    def _configuration(self, container: str) -> str:
        return f"{self._places.container(container)}/config.json"

    @asynccontextmanager
    async def placed(self, container: str, plan: bytes) -> AsyncIterator[bytes]:
        """The plan itself, or in a scope of systemd."""
        # How it was created counts, not what the configuration says now.
        if not os.path.exists(self._configuration(container)):
            yield plan
            return
        held = await asyncio.to_thread(self._held, container, plan)
        ready = await asyncio.to_thread(held.__enter__)
        try:
            yield ready
        except BaseException as error:
            await asyncio.to_thread(held.__exit__, type(error), error, error.__traceback__)
            raise
        await asyncio.to_thread(held.__exit__, None, None, None)

    def _held(self, container: str, plan: bytes) -> AbstractContextManager[bytes]:
        with open(self._configuration(container), "rb") as file:
            config = load_config(file.read())
        bundle, root = self._places.container(container), self._places.runtime
        request = Request(id=container, bundle=bundle, state_root=root, config=b"", created="")
        return (self._scopes or Scopes(self._host)).held(config, request, plan)

    def explain(self, container: str, error: FirkinError) -> FirkinError:
        """The plan's own words, which name the place in the configuration."""
        return error

    async def launch(self, container: str, wish: Wish) -> Program:
        """Start one more program."""
        return await self._launcher.launch(container, wish)

    def update(self, container: str, limits: Resources) -> None:
        """Change the limits."""
        try:
            with Container(self._places.runtime, container) as record, Cgroup(record.cgroup) as cgroup:
                write = partial(update, cgroup, limits, place="linux")
                unit = record.text("unit")
                if unit:
                    (self._scopes or Scopes(self._host)).update(unit, limits, write)
                else:
                    write()
        except CgroupGoneError:
            # With the last process the cgroup goes, before its end is written down.
            raise StateError(f"container {container}: has ended") from None

    def dump(self, container: str, images: str, work: str) -> None:
        """Have CRIU write the processes."""
        with Container(self._places.runtime, container) as record:
            record.lock()
            check("checkpoint", container, record.status())
            with CheckpointPlaces(images, work, "dump.log", make=True) as places:
                dump(record, places, _DUMP)

    def end(self, container: str) -> None:
        """Remove the cgroup."""
        destroy_cgroup(self._places, container)

    def remove(self, container: str) -> None:
        """Remove the record, and what it names."""
        remove_record(self._places, container)
