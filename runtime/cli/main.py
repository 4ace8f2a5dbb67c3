"""The command line's entry: global options, dispatch, and the one place where errors become messages.

On every start path: help, version and log are imported when they are needed.
"""

from __future__ import annotations

import os
import sys

from firkin.errors import FirkinError, KernelError, UsageError
from firkin.runtime.cli.commands import GLOBAL_OPTIONS, interpret, load
from firkin.runtime.cli.options import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Value

__all__ = ["main"]

_INTERRUPTED = 128 + 2
# Pods have commands of these names too.
_SHARED = ("delete", "exec", "top")
_BROKEN_PIPE = 128 + 13


def main(argv: list[str], answer: int = -1) -> int:
    """Run one command line, `argv` being what follows the program's name; returns the exit code.

    Parameters: `answer` is a descriptor with the answer of a container that was started already, -1 for none.
    Raises nothing: every error becomes one line on standard error, and one in the file of `--log`.
    """
    settings: dict[str, Value] = {"answer": answer}
    try:
        try:
            return _run(argv, settings)
        finally:
            _flush()
    except FirkinError as error:
        _report(error, str(error), "error", settings)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _is_stdout_broken():
            _discard_stdout()
            return _BROKEN_PIPE
        _report(error, _describe(error, settings), "internal error", settings)
        return 1


def _run(argv: list[str], settings: dict[str, Value]) -> int:
    try:
        words = parse(argv, GLOBAL_OPTIONS, settings, interspersed=False)
    finally:
        # Also after an error, which must be able to reach the log.
        _prepare_log(settings)
    if settings.get("version"):
        from firkin.runtime.cli.version import version_text

        return _show(version_text())
    if settings.get("help") or not words:
        from firkin.runtime.cli.help import global_help

        return _show(global_help())
    _check_manager(settings)
    command, run = load(words[0])
    if words[0] in _SHARED:
        from firkin.runtime.cli.pods import POD_MODULES, means_pods

        if means_pods(command, words[1:]):
            command, run = load(words[0], POD_MODULES)
    invocation = interpret(command, words[1:], settings)
    if invocation.options.get("help"):
        from firkin.runtime.cli.help import command_help

        return _show(command_help(command))
    return run(invocation)


def _check_manager(settings: dict[str, Value]) -> None:
    manager = settings.get("cgroup-manager", "systemd")
    if settings.get("systemd-cgroup") and manager != "systemd":
        raise UsageError(f"option --systemd-cgroup contradicts --cgroup-manager {manager}")


def _prepare_log(settings: dict[str, Value]) -> None:
    path = settings.pop("log", "")
    if path:
        settings["log"] = _log_path(str(path))


def _log_path(path: str) -> str:
    if path[0] != "/":
        from firkin.runtime.cli.log import local_path

        path = local_path(path)
    # Opening it by that name fails where standard error is a socket, as under a service manager.
    if path == "/dev/stderr":
        return ""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644))
    except OSError as error:
        raise KernelError(f"open log {path}", error.errno or 0) from error
    return path


def _show(text: str) -> int:
    print(text, end="")
    return 0


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_stdout()
        raise KernelError("write standard output", error.errno or 0) from error


def _report(error: Exception, message: str, label: str, settings: dict[str, Value]) -> None:
    from firkin.runtime.cli.log import open_log

    if settings.get("debug"):
        import traceback

        traceback.print_exception(error)
    open_log(settings).error(message, label=label)


def _describe(error: Exception, settings: dict[str, Value]) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text if settings.get("debug") else f"{text}; run with --debug for the traceback"


def _is_stdout_broken() -> bool:
    import select

    poller = select.poll()
    poller.register(1, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poller.poll(0))


def _discard_stdout() -> None:
    # What is still buffered is flushed once more when the interpreter ends, and must not fail again.
    null = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, 1)
    os.close(null)
