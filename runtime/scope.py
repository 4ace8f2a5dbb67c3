"""A container in a scope of systemd: the scope is made around a placeholder, then the plan runs in it.

The container's process is born in the scope's cgroup, where all limits hold already; then the placeholder goes.
systemd removes a scope that is empty, so whatever kills this process at whatever moment leaves none behind.
"""

from __future__ import annotations

import os

from firkin.errors import AlreadyExistsError, CgroupError, CgroupPathError, ConfigError, FirkinError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.cgroupfs.systemd.driver import Systemd
    from firkin.cgroupfs.systemd.properties import Property
    from firkin.oci.runtime_spec import Config
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.compile.request import Host, Request
    from firkin.runtime.spawn import Outcome
    from firkin.runtime.store import Container

    Compiler = Callable[[Config, Request, Host], tuple[bytes, list[str]]]

__all__ = [
    "Scope",
    "check_place",
    "connect",
    "create_in_scope",
    "expected_scope",
    "needs_user_manager",
    "refuse_existing",
    "remove_scope",
    "scope_properties",
    "undo_scope",
]


class Scope:
    """The scope of one container: its names, its cgroup's `path` below the mount, and what holds its place.

    `pid` and `started` name the placeholder; they are 0 where there is none yet. `user` tells whose manager has it.
    """

    def __init__(self, slice_name: str, unit: str, path: str, *, user: bool) -> None:
        self.slice_name = slice_name
        self.unit = unit
        self.path = path
        self.user = user
        self.pid = 0
        self.started = 0


def expected_scope(config: Config, request: Request, *, user: bool, root: str = "") -> Scope:
    """The scope that a configuration asks for.

    Parameters: `root` is where the manager's own cgroup lies. Raises ConfigError for names that are none of units.
    """
    from firkin.cgroupfs.systemd.names import slice_path, split_cgroups_path

    asked = config.linux.cgroups_path if config.linux else ""
    try:
        slice_name, unit = split_cgroups_path(asked, request.id, user=user)
        places = (root, slice_path(slice_name), unit)
    except CgroupPathError as error:
        raise ConfigError("linux.cgroupsPath", error.message, hint=error.hint) from None
    return Scope(slice_name, unit, "/".join(place for place in places if place), user=user)


def needs_user_manager(invocation: Invocation) -> bool:
    """Whether the units are those of the calling user: without the rights of root, or with `--rootless true`."""
    if invocation.rootless != "auto":
        return invocation.rootless == "true"
    from firkin.runtime.cli.commands import is_mapped_root

    return os.geteuid() != 0 or is_mapped_root()


def create_in_scope(
    config: Config, request: Request, host: Host, *, user: bool, compiler: Compiler | None = None
) -> tuple[Outcome, list[str]]:
    """Make a scope and run the plan of a container in it; returns the outcome and warnings for the user.

    Parameters: `compiler` makes the plan, for `None` that of a new container.
    Raises FirkinError if anything fails; then nothing is left behind.
    """
    from firkin.runtime.compile.container import compile_container
    from firkin.runtime.create import run_or_raise
    from firkin.runtime.placeholder import Placeholder

    with connect(user=user) as systemd, Placeholder() as placeholder:
        scope = expected_scope(config, request, user=user, root=systemd.control_group)
        scope.pid, scope.started = placeholder.pid, placeholder.started
        request.scope = scope
        plan, warnings = (compiler or compile_container)(config, request, host)
        properties = scope_properties(config, request, host, systemd.version)
        refuse_existing(request)
        systemd.start_scope(scope.unit, scope.slice_name, [scope.pid], properties)
        place = ""
        try:
            check_place(scope)
            place = f"{host.hierarchy.mount}/{scope.path}"
            return run_or_raise(plan), warnings
        except BaseException as error:
            placeholder.close()
            undo_scope(systemd, scope, place, error)
            raise


def connect(*, user: bool) -> Systemd:
    """A connection to the system's manager or the user's. Raises CgroupError with what is missing."""
    try:
        from firkin.cgroupfs.systemd.driver import Systemd
    except ModuleNotFoundError as error:
        if error.name != "jeepney":
            raise
        message = "connect to systemd: the library jeepney is not installed"
        raise CgroupError(message, verb="connect", hint="pip install jeepney") from None
    return Systemd(user=user)


def scope_properties(config: Config, request: Request, host: Host, version: int) -> list[Property]:
    """What the scope of a container is to have: its limits, and what its annotations ask of systemd.

    Parameters: `version` is systemd's. Raises UnsupportedError, ConfigError.
    """
    from firkin.cgroupfs.resources import writes
    from firkin.cgroupfs.systemd.annotations import annotated_properties
    from firkin.cgroupfs.systemd.properties import limit_properties

    resources = config.linux.resources if config.linux else None
    limits = writes(resources, host.hierarchy.controllers, host.hierarchy.missing) if resources else ()
    description: Property = ("Description", ("s", f"container {request.id}"))
    return [description, *limit_properties(limits, version), *annotated_properties(config.annotations)]


def refuse_existing(request: Request) -> None:
    """Raise AlreadyExistsError if there is a container of this id."""
    # The plan refuses it too, but a scope would have been started for nothing.
    if os.path.lexists(f"{request.state_root}/{request.id}"):
        raise AlreadyExistsError(f"container with id {request.id} already exists")


def check_place(scope: Scope) -> None:
    """Raise CgroupError if systemd has put the placeholder elsewhere."""
    # The record, which is made before anybody knows better, names the path.
    with open(f"/proc/{scope.pid}/cgroup") as file:
        found = next((line[4:].rstrip("\n") for line in file if line.startswith("0::/")), "nowhere")
    if found != scope.path:
        raise CgroupError(f"start {scope.unit}: its cgroup is {found}, not {scope.path}", verb="start", file=found)


def undo_scope(systemd: Systemd, scope: Scope, place: str, cause: BaseException) -> None:
    """End a scope after a failure, `cause`, which is told if that fails as well.

    Parameters: `place` is the path of the scope's cgroup, "" while it is not known to be that.
    """
    try:
        # Only what is known to be the scope's; hooks may have left processes there.
        if place:
            _kill(place)
        systemd.stop(scope.unit)
    except FirkinError as error:
        if isinstance(cause, FirkinError):
            note = f"cleaning up failed as well: {error.message}"
            cause.hint = f"{cause.hint}; {note}" if cause.hint else note


def remove_scope(container: Container) -> None:
    """Kill what runs in the scope of a container and stop the scope; it may be gone already. Raises CgroupError."""
    from firkin.cgroupfs.tree import Cgroup

    path = container.cgroup
    _kill(path)
    with connect(user=container.text("manager") == "user") as systemd:
        systemd.stop(container.text("unit"))
    # systemd removes the cgroup of a unit; one that it has forgotten stays.
    Cgroup.destroy(path)


def _kill(path: str) -> None:
    from firkin.cgroupfs.tree import Cgroup

    try:
        with Cgroup(path) as cgroup:
            if cgroup.events().get("populated"):
                cgroup.kill()
                cgroup.wait_empty()
    except (OSError, CgroupError):
        # systemd removes it as soon as it is empty.
        if os.path.isdir(path):
            raise
