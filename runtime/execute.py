"""Running one more program in a container: what the command line and the container's configuration make of it."""

from __future__ import annotations

import os

from firkin.errors import ConfigError, NotFoundError, StateError, UsageError
from firkin.oci.record import decode, replace
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.runtime_spec.process import Capabilities, Process, User
from firkin.runtime.compile.execution import ExecRequest, compile_exec
from firkin.runtime.compile.process import keeps_groups
from firkin.runtime.create import callers_terminal_size, preserved_fds, run_or_raise
from firkin.runtime.host import read_host
from firkin.runtime.status import PAUSED, check
from firkin.runtime.store import Container, start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firkin.oci.runtime_spec import Config, Linux
    from firkin.runtime.cli.commands import Invocation

__all__ = ["execute"]

# What the command's front knows of, too.
_PLAIN = {"process", "detach", "pid-file"}


def execute(invocation: Invocation) -> int:
    """Run the program that the command line describes; returns its exit code, or 0 with `--detach`.

    Raises StateError if the container does not run, ExecutableError if the program can't be executed.
    """
    foreground = not invocation.flag("detach")
    plan, warnings, keep = _compile(invocation, foreground)
    if not foreground:
        outcome = run_or_raise(plan)
        keep()
        _warn(invocation, warnings)
        os.close(outcome.pidfd)
        return 0
    from firkin.runtime.foreground import Attendant

    attendant = Attendant()
    outcome = run_or_raise(plan)
    keep()
    _warn(invocation, warnings)
    return attendant.attend(outcome)


def _warn(invocation: Invocation, warnings: list[str]) -> None:
    for warning in warnings:
        invocation.log.warning(warning)


def _compile(invocation: Invocation, foreground: bool) -> tuple[bytes, list[str], Callable[[], None]]:
    with Container(invocation.root, invocation.container) as container:
        status = container.status()
        if not (status == PAUSED and invocation.flag("ignore-paused")):
            check("exec", container.id, status)
        config = load_config(container.config_text())
        text = _read(invocation.text("process")) if invocation.given("process") else b""
        process = _process(invocation, config, text)
        started = start_time(container.pid)
        if started < 0:
            raise StateError("container not running")
        pid_file, console = invocation.text("pid-file"), invocation.text("console-socket")
        if process.terminal and not console and not foreground:
            raise ConfigError("process.terminal", "needs a --console-socket, as nobody stays to hold the terminal")
        request = ExecRequest(
            pid=container.pid,
            start_time=started,
            foreground=foreground,
            terminal_size=callers_terminal_size() if foreground else (0, 0),
            plain_lines=foreground and not os.isatty(1),
            pid_file=os.path.abspath(pid_file) if pid_file else "",
            console_socket=os.path.abspath(console) if console else "",
            preserve_fds=preserved_fds(invocation.number("preserve-fds")),
            pidfd_socket=os.path.abspath(pidfd) if (pidfd := invocation.text("pidfd-socket")) else "",
            cgroup=_cgroup(container, invocation.texts("cgroup")),
            keep_groups=keeps_groups(config.annotations),
            state=_state(container, config, status),
        )
        linux, host = _linux(config), read_host(invocation.root)
        plan, warnings = compile_exec(linux, process, request, host)

    def keep() -> None:
        if warnings or invocation.options.keys() - _PLAIN:
            return
        from firkin.runtime.keeping import keep_exec

        try:
            with Container(invocation.root, invocation.container) as container:
                # Who deletes it meanwhile takes its lock, and finds no file more than he has seen.
                if container.try_lock() and container.pid == request.pid:
                    record = f"{invocation.root}/{invocation.container}"
                    keep_exec(record, text or invocation.arguments[1:], (linux, process), request, host)
        except NotFoundError:
            return
        except OSError as error:
            warnings.append(f"plan cache: can not keep {error.filename}: {error.strerror}")

    return plan, warnings, keep


def _cgroup(container: Container, asked: list[str]) -> str:
    if not asked:
        return ""
    path = asked[-1]
    if ":" in path:
        raise UsageError(f"exec: option --cgroup: '{path}' names controllers", hint="cgroup v2 has one tree for all")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UsageError(f"exec: option --cgroup: '{path}' leads out of the container's cgroup")
    return "/".join((container.cgroup, *parts))


def _state(container: Container, config: Config, status: str) -> dict[str, object]:
    return {
        "ociVersion": config.oci_version,
        "id": container.id,
        "status": status,
        "bundle": container.text("bundle"),
        "annotations": dict(config.annotations),
    }


def _linux(config: Config) -> Linux:
    if config.linux is None:
        raise ConfigError("linux", "is missing")
    return config.linux


def _process(invocation: Invocation, config: Config, text: bytes) -> Process:
    if invocation.given("process"):
        return _decoded(text, os.path.basename(invocation.text("process")))
    base = config.process
    if base is None:
        raise ConfigError("process", "is missing: there are no defaults for the program")
    user = _user(invocation, base.user)
    capabilities = base.capabilities
    extra = tuple(_capability_name(name) for name in invocation.texts("cap"))
    if extra and capabilities is not None:
        capabilities = _with_capabilities(capabilities, extra)
    return replace(
        base,
        args=tuple(invocation.arguments[1:]),
        env=_environment(base.env, invocation.texts("env")),
        cwd=invocation.text("cwd") or base.cwd,
        user=user,
        terminal=invocation.flag("tty"),
        console_size=None,
        no_new_privileges=base.no_new_privileges or invocation.flag("no-new-privs"),
        capabilities=capabilities,
        apparmor_profile=invocation.text("apparmor") or base.apparmor_profile,
        selinux_label=invocation.text("process-label") or base.selinux_label,
    )


def _environment(base: Sequence[str], changes: list[str]) -> tuple[str, ...]:
    # Of two variables with one name most programs see the first.
    changed = {item.partition("=")[0] for item in changes}
    return (*(item for item in base if item.partition("=")[0] not in changed), *changes)


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise UsageError(f"exec: read {file}: {error.strerror}") from error


def _decoded(text: bytes, name: str) -> Process:
    from firkin.oci.json_text import parse
    from firkin.oci.validate import validate_process

    process = decode(Process, parse(text, name), document=name)
    validate_process(process)
    return process


def _user(invocation: Invocation, base: User) -> User:
    groups = tuple(invocation.numbers("additional-gids"))
    text = invocation.text("user")
    if not invocation.given("user"):
        return replace(base, additional_gids=(*base.additional_gids, *groups)) if groups else base
    uid, colon, gid = text.partition(":")
    return User(uid=_id(uid, text), gid=_id(gid, text) if colon else base.gid, additional_gids=groups)


def _id(digits: str, text: str) -> int:
    # The configuration's rule: names are for those who can see the image's password file.
    if not (digits.isascii() and digits.isdecimal() and int(digits) <= 0xFFFFFFFE):
        raise UsageError(f"exec: option --user: {text!r} is not UID or UID:GID in numbers")
    return int(digits)


def _capability_name(name: str) -> str:
    upper = name.upper()
    return upper if upper.startswith("CAP_") else f"CAP_{upper}"


def _with_capabilities(sets: Capabilities, extra: tuple[str, ...]) -> Capabilities:
    return replace(
        sets,
        bounding=(*sets.bounding, *extra),
        effective=(*sets.effective, *extra),
        permitted=(*sets.permitted, *extra),
        # Nothing can be ambient that is not inheritable, which no option makes anything.
        ambient=(*sets.ambient, *extra) if sets.inheritable else sets.ambient,
    )
