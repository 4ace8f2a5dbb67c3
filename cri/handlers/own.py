"""The handler that is this process: plans, and nothing else."""

from __future__ import annotations

from firkin.cgroupfs.tree import Cgroup
from firkin.cgroupfs.update import update
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.execution.launch import Launcher, Program, Wish
from firkin.cri.handlers.handler import Features
from firkin.cri.handlers.records import destroy_cgroup, remove_record, request_of
from firkin.cri.places import Places
from firkin.errors import CgroupGoneError, FirkinError, StateError
from firkin.oci.runtime_spec import Config, Resources
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Host
from firkin.runtime.monitor.launch import NURSERY
from firkin.runtime.store import Container

__all__ = ["OwnHandler"]


class OwnHandler:
    """firkin's own runtime; see `firkin.cri.handlers.handler.Handler`."""

    features = Features(recursive_read_only_mounts=True, user_namespaces=True)

    def __init__(self, name: str, places: Places, host: Host) -> None:
        self.name = name
        self._places = places
        self._host = host
        self._launcher = Launcher(places.runtime, host)

    def plan(self, container: str, config: Config, files: FileSystem) -> bytes:
        """The plan that starts a container."""
        request = request_of(self._places, container, config, files, nursery=NURSERY)
        plan, _warnings = compile_container(config, request, self._host)
        return plan

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
                update(cgroup, limits, place="linux")
        except CgroupGoneError:
            # With the last process the cgroup goes, before its end is written down.
            raise StateError(f"container {container}: has ended") from None

    def end(self, container: str) -> None:
        """Remove the cgroup."""
        destroy_cgroup(self._places, container)

    def remove(self, container: str) -> None:
        """Remove the record, and what it names."""
        remove_record(self._places, container)
