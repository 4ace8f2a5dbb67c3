"""Containers and the processes of pods in scopes of systemd, whose names are `firkin-ID.scope`.

A scope is made when its container is started, around a placeholder (ADR 6): the plan, which was written when the
container was created, is told then whose cgroup to take. systemd removes a scope that is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from firkin.cgroupfs.resources import writes
from firkin.cgroupfs.systemd.names import scope_name
from firkin.cgroupfs.systemd.properties import limit_properties
from firkin.oci.runtime_spec import Config, Resources
from firkin.runtime.compile.request import Host, Request
from firkin.runtime.placeholder import Placeholder
from firkin.runtime.plan.patch import with_placeholder
from firkin.runtime.scope import (
    Scope,
    check_place,
    connect,
    expected_scope,
    refuse_existing,
    scope_properties,
    undo_scope,
)

__all__ = ["Scopes"]


class Scopes:
    """The scopes of this machine's systemd. Its methods wait for it, but for `expected`.

    `root` is where systemd's own cgroup lies, "" for the root of the hierarchy. Raises CgroupError if there is none.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        with connect(user=False) as systemd:
            self.root = systemd.control_group

    def expected(self, config: Config, request: Request) -> Scope:
        """The scope that a configuration asks for. Raises ConfigError."""
        return expected_scope(config, request, user=False, root=self.root)

    @contextmanager
    def held(self, config: Config, request: Request, plan: bytes) -> Iterator[bytes]:
        """A scope for as long as the plan of a container runs in it: yields the plan as it is to be run.

        What fails meanwhile takes the scope along.
        Parameters: of `request` the id and the state root count.
        Raises AlreadyExistsError, CgroupError, UnsupportedError.
        """
        scope = self.expected(config, request)
        refuse_existing(request)
        with connect(user=False) as systemd, Placeholder() as placeholder:
            scope.pid, scope.started = placeholder.pid, placeholder.started
            properties = scope_properties(config, request, self._host, systemd.version)
            systemd.start_scope(scope.unit, scope.slice_name, [scope.pid], properties)
            place = ""
            try:
                check_place(scope)
                place = f"{self._host.hierarchy.mount}/{scope.path}"
                yield with_placeholder(plan, scope.pid, scope.started)
            except BaseException as error:
                placeholder.close()
                undo_scope(systemd, scope, place, error)
                raise

    def take_in(self, id: str, slice_name: str, pid: int) -> None:
        """Make a scope for the process of a pod, which is moved there. Raises CgroupError."""
        with connect(user=False) as systemd:
            description = ("Description", ("s", f"process of pod {id}"))
            systemd.start_scope(scope_name("firkin", id), slice_name, [pid], [description])

    def update(self, unit: str, limits: Resources, write: Callable[[], None]) -> None:
        """Change limits, by `write`, and have systemd know them: else a reload of it takes them back.

        Raises UnsupportedError for what systemd would not take, before anything is written; CgroupError.
        """
        hierarchy = self._host.hierarchy
        wanted = writes(limits, hierarchy.controllers, hierarchy.missing, place="linux")
        with connect(user=False) as systemd:
            properties = limit_properties(wanted, systemd.version)
            write()
            systemd.set_properties(unit, properties)
