"""The seam between containers as CRI has them and who runs them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from firkin.cri.containers.filesystem import FileSystem
    from firkin.cri.execution.launch import Program, Wish
    from firkin.errors import FirkinError
    from firkin.oci.runtime_spec import Config, Resources

__all__ = ["Features", "Handler"]


@dataclass(frozen=True, slots=True)
class Features:
    """What containers can have: the first two as Status tells the kubelet, and cgroups that systemd makes."""

    recursive_read_only_mounts: bool = False
    user_namespaces: bool = False
    systemd_cgroups: bool = False


class Handler(Protocol):
    """One handler. Whoever it is, a container is started by a plan that a monitor runs, and which leaves it a process.

    Containers are named by their ids. All but `launch` may take a while, and are for a thread of their own; `launch`,
    once begun, is not cancelled.
    """

    @property
    def name(self) -> str:
        """As the configuration has it."""

    @property
    def features(self) -> Features:
        """What its containers can have."""

    def plan(self, container: str, config: Config, files: FileSystem) -> bytes:
        """The plan that starts a container. Raises ConfigError, UnsupportedError, OSError."""

    def placed(self, container: str, plan: bytes) -> AbstractAsyncContextManager[bytes]:
        """Around the start: what the plan needs is there as long as it runs; gives the plan as it is to be run.

        Raises CgroupError, FirkinError.
        """

    def explain(self, container: str, error: FirkinError) -> FirkinError:
        """What a plan failed with, in the words of who knows more."""

    async def launch(self, container: str, wish: Wish) -> Program:
        """Start one more program in a container that runs. Raises StateError, ExecutableError, FirkinError."""

    def update(self, container: str, limits: Resources) -> None:
        """Change the limits of a container that runs. Raises StateError, ConfigError, CgroupError, FirkinError."""

    def dump(self, container: str, images: str, work: str) -> None:
        """Have CRIU write the processes of a container that runs, and is frozen, to the directory `images`.

        It runs on. Parameters: `work` is where CRIU's log goes. Raises UnsupportedError, StateError, FirkinError.
        """

    def end(self, container: str) -> None:
        """Give back what a container that has ended held, but for its files. May be repeated. Raises FirkinError."""

    def remove(self, container: str) -> None:
        """Kill a container, and remove what the runtime has of it; it may be gone. Raises FirkinError."""
