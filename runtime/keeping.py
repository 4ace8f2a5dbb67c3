"""Which plans of `run`, `create` and `exec` are kept, and by which key.

csrc/front_run.c and csrc/front_exec.c make the same keys.
"""

from __future__ import annotations

import os

from firkin.runtime.plan.kept import VERSION, Shelf, is_activated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    from firkin.oci.runtime_spec import Config, Linux, Process
    from firkin.runtime.compile.execution import ExecRequest
    from firkin.runtime.compile.request import Host, Request
    from firkin.runtime.plan.kept import Marks

    _Wish = TypeVar("_Wish", Request, ExecRequest)

__all__ = ["keep_container", "keep_exec"]

_LARGEST = 1 << 20
_LONGEST_PATH = 256
_MOST = 64
_MOST_OF_EXEC = 16


def keep_container(config: Config, request: Request, host: Host) -> None:
    """Keep the plan of a container, if it depends on nothing but its configuration, plain options and the host.

    Parameters: what the plan is made of. Raises OSError where files can't be written.
    """
    if config.process is None or config.process.terminal or "hooks" in vars(config) or not _is_plain(request):
        return
    if config.linux is None or _asks_somebody(config.linux):
        return

    from firkin.runtime.compile.container import compile_container

    def compile(marks: Marks) -> tuple[bytes, list[str]]:
        pid_file = marks.pid_file if request.pid_file else ""
        return compile_container(config, _with(request, id=marks.id, created=marks.created, pid_file=pid_file), host)

    directory = f"{request.state_root}/.cache/plans"
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700, exist_ok=True)
    Shelf(directory, _MOST).keep(_container_key(request), compile, host.hierarchy.mount, config.linux)


def _asks_somebody(linux: Linux) -> bool:
    # A seccomp agent is told the state of the container, which is another one each time.
    return linux.seccomp is not None and bool(linux.seccomp.listener_path)


def _is_plain(request: Request) -> bool:
    if (
        request.console_socket
        or request.pidfd_socket
        or request.preserve_fds
        or request.scope
        or request.trees
        or request.holding
    ):
        return False
    if not request.keyring or not request.pivot or request.nursery or is_activated():
        return False
    return len(request.config) < _LARGEST and len(request.pid_file) <= _LONGEST_PATH


def _container_key(request: Request) -> bytes:
    kind = "f" if request.foreground else "d" if request.run else "c"
    flags = f"{kind}{'p' if request.pid_file else '-'}"
    return _key(flags, request.state_root, request.bundle) + request.config


def keep_exec(
    record: str, words: Sequence[str] | bytes, parts: tuple[Linux, Process], request: ExecRequest, host: Host
) -> None:
    """Keep the plan of one more program, beside the record of its container, which takes it along when it goes.

    Parameters: `record` is the directory; `words` the arguments, or the text of a process file; the rest is what the
    plan is made of. Raises OSError where files can't be written.
    """
    linux, process = parts
    if process.terminal or _asks_somebody(linux) or not _is_plain_exec(request) or len(words) >= _LARGEST:
        return
    from firkin.runtime.compile.execution import compile_exec

    def compile(marks: Marks) -> tuple[bytes, list[str]]:
        return compile_exec(linux, process, _with(request, pid_file=marks.pid_file if request.pid_file else ""), host)

    flags = f"e{'f' if request.foreground else 'd'}{'p' if request.pid_file else '-'}"
    form = "j" if isinstance(words, bytes) else "a"
    key = _key(f"{flags}{form}", f"{request.pid} {request.start_time}")
    key += words if isinstance(words, bytes) else b"".join(os.fsencode(word) + b"\0" for word in words)
    Shelf(record, _MOST_OF_EXEC).keep(key, compile, host.hierarchy.mount, linux)


def _is_plain_exec(request: ExecRequest) -> bool:
    if request.console_socket or request.pidfd_socket or request.preserve_fds or request.cgroup or is_activated():
        return False
    return len(request.pid_file) <= _LONGEST_PATH


def _key(*parts: str) -> bytes:
    return b"".join(part + b"\0" for part in (VERSION, *map(os.fsencode, parts)))


def _with(request: _Wish, **changes: str) -> _Wish:
    changed = object.__new__(type(request))
    vars(changed).update(vars(request), **changes)
    return changed
