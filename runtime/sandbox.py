"""Sandboxes on this host: made by a plan, removed in an order that can be resumed at any point.

The directory of a sandbox holds `state.json`, and for each of its namespaces a file of that name which the namespace is
mounted on: a path to join it by.
"""

from __future__ import annotations

import os

from firkin.errors import AlreadyExistsError, FirkinError, NotFoundError
from firkin.runtime.compile.sandbox import PINNED, compile_sandbox, compile_unpinning
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config
    from firkin.runtime.compile.request import Host
    from firkin.runtime.compile.sandbox import SandboxRequest

__all__ = ["Sandbox", "make_sandbox", "remove_sandbox"]


class Sandbox:
    """The record of a sandbox below a state root.

    `pid` is the process of its pid namespace, 0 if it has none. Raises NotFoundError if there is no such sandbox,
    FirkinError if it was never finished: then it can only be removed.
    """

    def __init__(self, root: str, id: str) -> None:
        self.root = root
        self.id = id
        try:
            with Container(root, id) as record:
                if record.state.get("ready") is not True:
                    raise FirkinError(f'sandbox "{id}": its creation was interrupted')
                namespaces = record.state.get("namespaces")
                self.pid = record.pid
        except NotFoundError:
            raise NotFoundError(f'sandbox "{id}" does not exist') from None
        self.namespaces = tuple(name for name in PINNED if isinstance(namespaces, list) and name in namespaces)

    def path(self, type: str) -> str:
        """The path of a namespace of a type that the sandbox has, for `linux.namespaces[].path`."""
        if type not in self.namespaces:
            raise NotFoundError(f'sandbox "{self.id}" has no {type} namespace')
        return f"{self.root}/{self.id}/{type}"

    def open_process(self) -> int:
        """A pidfd of the process of its pid namespace, -1 if it has none or that has ended."""
        with Container(self.root, self.id) as record:
            return record.open_process()


def make_sandbox(config: Config, request: SandboxRequest, host: Host) -> tuple[Sandbox, int]:
    """Make a sandbox; returns it, and a pidfd of the process that stays, a child of this one, or -1.

    Parameters: `config` is that of a container, of which a sandbox has names, namespaces, sysctl, id mappings, cgroup.
    Raises FirkinError in the words of the configuration if anything fails; then nothing is left behind.
    AlreadyExistsError if there is one of this id, finished or not.
    """
    from firkin.oci.validate import validate_sandbox
    from firkin.runtime.create import run_or_raise

    validate_sandbox(config)
    try:
        outcome = run_or_raise(compile_sandbox(config, request, host))
    except AlreadyExistsError:
        raise AlreadyExistsError(f'sandbox "{request.id}" exists already') from None
    return Sandbox(request.state_root, request.id), outcome.pidfd


def remove_sandbox(root: str, id: str) -> None:
    """Remove a sandbox, also one that was made or removed in part; there may be none.

    The process of its pid namespace is killed, and so is everything in that namespace. Other namespaces live on as
    long as containers use them. Raises CgroupError, FirkinError.
    """
    try:
        with Container(root, id) as record:
            record.lock()
            _end_process(record)
            _unpin(f"{root}/{id}")
            record.remove()
    except NotFoundError:
        return


def _end_process(record: Container) -> None:
    from firkin.runtime.delete import stop

    stop(record)
    if record.cgroup:
        from firkin.cgroupfs.tree import Cgroup

        Cgroup.destroy(record.cgroup)


def _unpin(directory: str) -> None:
    from firkin.runtime.create import run_or_raise

    if any(os.path.lexists(f"{directory}/{name}") for name in PINNED):
        run_or_raise(compile_unpinning(directory))
