"""Making a container: read the bundle, compile the plan, run it."""

from __future__ import annotations

import os
import time

from firkin.errors import FirkinError
from firkin.oci.record import NOTHING, replace
from firkin.runtime.bundle import read_bundle
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.host import read_host
from firkin.runtime.store import check_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.runtime_spec import Config
    from firkin.oci.snapshots.overlay import Overlay
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.compile.request import Host
    from firkin.runtime.spawn import Outcome

__all__ = [
    "activation",
    "callers_terminal_size",
    "create",
    "create_container",
    "preserved_fds",
    "read_request",
    "request_of",
    "rfc3339_now",
    "run_or_raise",
]


def create(invocation: Invocation, *, run: bool, foreground: bool = False) -> Outcome:
    """Make the container that the command line describes; with `run`, start it too.

    Returns the outcome of the plan. Raises FirkinError if anything fails; then nothing is left behind.
    """
    return create_container(invocation, *read_request(invocation, run=run, foreground=foreground))


def create_container(invocation: Invocation, config: Config, request: Request) -> Outcome:
    """Make the container of a request; `invocation` says who makes its cgroup, and takes warnings.

    Returns the outcome of the plan. Raises FirkinError if anything fails; then nothing is left behind.
    """
    host = read_host(invocation.root)
    if invocation.cgroup_manager == "systemd":
        from firkin.runtime.scope import create_in_scope, needs_user_manager

        outcome, warnings = create_in_scope(config, request, host, user=needs_user_manager(invocation))
    else:
        plan, warnings = compile_container(config, request, host)
        outcome = run_or_raise(plan)
        if not warnings:
            warnings = _keep(config, request, host)
    for warning in warnings:
        invocation.log.warning(warning)
    return outcome


def _keep(config: Config, request: Request, host: Host) -> list[str]:
    from firkin.runtime.keeping import keep_container

    try:
        keep_container(config, request, host)
    except OSError as error:
        return [f"plan cache: can not keep {error.filename or request.state_root}: {error.strerror}"]
    return []


def run_or_raise(plan: bytes, streams: tuple[int, int, int] = (-1, -1, -1)) -> Outcome:
    """Run a plan, with `streams` as in run_plan(). Raises FirkinError, in the words of the document, if it fails."""
    from firkin.runtime.spawn import run_plan

    outcome = run_plan(plan, streams)
    if not outcome.error:
        if outcome.output >= 0:
            os.close(outcome.output)
        return outcome
    from firkin.runtime.failure import failure_of

    raise failure_of(plan, outcome)


def read_request(invocation: Invocation, *, run: bool, foreground: bool = False) -> tuple[Config, Request]:
    """The configuration and the wishes of a command line with the options of `create`."""
    check_id(invocation.container)
    bundle, text, config = read_bundle(invocation.text("bundle"), invocation.text("config"))
    if config.process and (activated := activation()):
        told = (f"LISTEN_FDS={activated}", "LISTEN_PID=1")
        config = replace(config, process=replace(config.process, env=(*config.process.env, *told)))
    request = request_of(invocation, invocation.container, bundle, text, run=run, foreground=foreground)
    return config, request


def request_of(
    invocation: Invocation, id: str, bundle: str, config: bytes, *, run: bool, foreground: bool,
    trees: Mapping[str, Overlay] = NOTHING, holding: str = "",
) -> Request:  # fmt: skip
    """The wishes of a command line with the options of `create`; the other parameters are as `Request` has them."""
    console, pidfd, pid_file = (invocation.text(name) for name in ("console-socket", "pidfd-socket", "pid-file"))
    return Request(
        id=id,
        bundle=bundle,
        state_root=invocation.root,
        config=config,
        created=rfc3339_now(),
        owner=os.getuid(),
        run=run,
        foreground=foreground,
        terminal_size=callers_terminal_size() if foreground else (0, 0),
        plain_lines=foreground and not os.isatty(1),
        pid_file=os.path.abspath(pid_file) if invocation.given("pid-file") else "",
        console_socket=os.path.abspath(console) if console else "",
        pidfd_socket=os.path.abspath(pidfd) if pidfd else "",
        preserve_fds=preserved_fds(invocation.number("preserve-fds")),
        keyring=not invocation.flag("no-new-keyring"),
        pivot=not invocation.flag("no-pivot"),
        trees=trees,
        holding=holding,
    )


def callers_terminal_size() -> tuple[int, int]:
    """Rows and columns of the terminal that is standard output, (0, 0) if it is none."""
    if not os.isatty(1):
        return 0, 0
    size = os.get_terminal_size(1)
    return size.lines, size.columns


def rfc3339_now() -> str:
    """The current time, UTC, with nanoseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"


def activation() -> int:
    """Number of descriptors from 3 on that are sockets of activation (sd_listen_fds(3))."""
    text = os.environ.get("LISTEN_FDS", "")
    return int(text) if text.isdecimal() else 0


def preserved_fds(asked: int) -> int:
    """Number of descriptors from 3 on that the workload inherits: those of activation and then `asked` more.

    Raises FirkinError for one that is not open.
    """
    count = activation() + asked
    for fd in range(3, 3 + count):
        try:
            # Those of this process itself are not.
            is_inherited = os.get_inheritable(fd)
        except OSError:
            is_inherited = False
        if not is_inherited:
            raise FirkinError(f"--preserve-fds {asked}: descriptor {fd} is not open")
    return count
