"""A handler that is no longer configured, while there are still containers of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.execution.launch import Program, Wish
from firkin.cri.handlers.handler import Features
from firkin.cri.handlers.mounts import unmount_below
from firkin.cri.handlers.records import destroy_cgroup, holding_of, remove_record
from firkin.cri.places import Places
from firkin.errors import FirkinError, StateError
from firkin.oci.runtime_spec import Config, Resources
from firkin.oci.snapshots.trees import remove_tree

__all__ = ["MissingHandler"]


class MissingHandler:
    """Its containers can be stopped and removed; see `firkin.cri.handlers.handler.Handler`."""

    features = Features()

    def __init__(self, name: str, places: Places) -> None:
        self.name = name
        self._places = places

    def _refuse(self) -> StateError:
        what = f"runtime handler {self.name!r}: is not configured any more"
        return StateError(what, hint="put it back, or remove the pod")

    def plan(self, container: str, config: Config, files: FileSystem) -> bytes:
        """Refused. Raises StateError."""
        raise self._refuse()

    def placed(self, container: str, plan: bytes) -> AbstractAsyncContextManager[bytes]:
        """Refused. Raises StateError."""
        raise self._refuse()

    def explain(self, container: str, error: FirkinError) -> FirkinError:
        """Nothing more is known."""
        return error

    async def launch(self, container: str, wish: Wish) -> Program:
        """Refused. Raises StateError."""
        raise self._refuse()

    def update(self, container: str, limits: Resources) -> None:
        """Refused. Raises StateError."""
        raise self._refuse()

    def dump(self, container: str, images: str, work: str) -> None:
        """Refused. Raises StateError."""
        raise self._refuse()

    def end(self, container: str) -> None:
        """Remove the cgroup."""
        destroy_cgroup(self._places, container)

    def remove(self, container: str) -> None:
        """Kill the container, and remove its record, and what the runtime has noted of it."""
        unmount_below(holding_of(self._places, container) or self._places.container(container))
        remove_record(self._places, container)
        remove_tree(f"{self._places.handler(self.name)}/{container}")
