"""From the operation that failed and its errno to one line that a person can act on."""

from __future__ import annotations

import errno
import os

from firkin.errors import AlreadyExistsError, ExecutableError, FirkinError, HookError
from firkin.runtime.plan.disassemble import operation_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.runtime.plan.disassemble import Operation
    from firkin.runtime.spawn import Outcome

__all__ = ["explain_failure", "failure_of"]


def failure_of(plan: bytes, outcome: Outcome) -> FirkinError:
    """The error that an unsuccessful outcome stands for. Reads what hooks wrote."""
    if outcome.section < 0:
        return FirkinError(f"run the plan: {os.strerror(outcome.error)}")
    operation = operation_at(plan, outcome.section, outcome.index)
    output = _hook_words(outcome.output) if operation.name in ("hook", "program") else ""
    error = explain_failure(operation, outcome.error, outcome.detail, output)
    if outcome.undo_error:
        note = f"cleaning up failed as well: {os.strerror(outcome.undo_error)}"
        error.hint = f"{error.hint}; {note}" if error.hint else note
    return error


def explain_failure(operation: Operation, error: int, detail: str, output: str = "") -> FirkinError:
    """The error for one failed operation.

    Parameters: `detail` is what the executor learnt beside the errno, `output` what a hook wrote.
    """
    special = _SPECIAL.get(operation.name)
    found = special(operation, error, ": ".join(filter(None, (detail, output)))) if special else None
    if found is not None:
        return found
    message = f"{_object(operation)}: {detail or os.strerror(error)}"
    if detail:
        message += f" [{errno.errorcode.get(error, error)}]"
    return FirkinError(message, hint=_HINTS.get((operation.name, error), ""))


def _hook_words(fd: int) -> str:
    if fd < 0:
        return ""
    size = os.fstat(fd).st_size
    return os.pread(fd, 2000, max(0, size - 2000)).decode("utf-8", "replace").strip()


def _object(operation: Operation) -> str:
    # The document's place, what was done there, and to what.
    shown = []
    for name in ("type", "path", "file", "id", "socket", "name"):
        value = operation.arguments.get(name)
        if isinstance(value, str) and value:
            shown.append(value)
    action = operation.name.replace("-", " ")
    text = f"{action} {' on '.join(shown[:2])}" if shown else action
    value = operation.arguments.get("value")
    if isinstance(value, bytes):
        text = f"write {value.decode('utf-8', 'replace').strip()!r} to {shown[0] if shown else '?'}"
    return f"{operation.origin}: {text}" if operation.origin else text


def _executable(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    candidates = operation.arguments["candidates"]
    assert isinstance(candidates, list)
    program = candidates[0] if len(candidates) == 1 else candidates[0].rpartition("/")[2]
    if error in (errno.ENOENT, errno.ENOTDIR):
        if len(candidates) == 1:
            return ExecutableError(f'exec: "{program}": stat {program}: no such file or directory', found=False)
        return ExecutableError(f'exec: "{program}": executable file not found in $PATH', found=False)
    if error == errno.ENOEXEC:
        return ExecutableError(f'exec: "{program}": exec format error', found=True, hint="wrong architecture, or no #!")
    return ExecutableError(f'exec: "{program}": {os.strerror(error).lower()}', found=True)


def _hook(operation: Operation, error: int, detail: str) -> FirkinError:
    path = operation.text("path")
    if error == errno.ETIMEDOUT:
        return HookError(f"{operation.origin}: {path}: did not end within {operation.text('timeout_ms')} ms")
    why = detail or os.strerror(error)
    return HookError(f"{operation.origin}: {path}: {why}")


def _program(operation: Operation, error: int, detail: str) -> FirkinError:
    arguments = operation.arguments["args"]
    program = arguments[0] if isinstance(arguments, list) and arguments else "?"
    if error == errno.ETIMEDOUT:
        return FirkinError(f"{operation.origin}: {program}: did not end within {operation.text('timeout_ms')} ms")
    return FirkinError(f"{operation.origin}: {program}: {detail or os.strerror(error).lower()}")


def _adopt(operation: Operation, error: int, _detail: str) -> FirkinError:
    why = "names no process that it has left behind" if error == errno.ECHILD else os.strerror(error).lower()
    return FirkinError(f"{operation.origin}: its file {operation.text('file')}: {why}")


def _terminal(operation: Operation, error: int, _detail: str) -> FirkinError:
    why = "the runtime has sent none" if error == errno.ENOTTY else os.strerror(error).lower()
    return FirkinError(f"{operation.origin}: take the terminal from {operation.text('path')}: {why}")


def _state(operation: Operation, error: int, _detail: str) -> FirkinError:
    if error == errno.EEXIST:
        return AlreadyExistsError(f"container with id {operation.text('id')} already exists")
    hint = "use --root with a directory that you may write to" if error == errno.EACCES else ""
    return FirkinError(f"make {operation.text('root')}/{operation.text('id')}: {os.strerror(error)}", hint=hint)


def _tree(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    path = operation.text("path")
    place = operation.origin
    if error in (errno.ENOENT, errno.ENOTDIR):
        return FirkinError(f"{place}: {path}: {os.strerror(error).lower()}")
    return None


def _proc_write(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    if not operation.text("path").startswith("thread-self/attr/"):
        return None
    value = operation.arguments["value"]
    name = value.decode("utf-8", "replace").removeprefix("exec ") if isinstance(value, bytes) else "?"
    why = "is not loaded into the kernel" if error == errno.ENOENT else os.strerror(error).lower()
    return FirkinError(f"{operation.origin}: {name!r}: {why}")


def _overlay(operation: Operation, error: int, detail: str) -> FirkinError:
    layers = operation.arguments["lower"]
    count = len(layers) if isinstance(layers, list) else 0
    why = f"{detail} [{errno.errorcode.get(error, error)}]" if detail else os.strerror(error)
    return FirkinError(f"{operation.origin}: mount an overlay of {count} layers: {why}")


def _subtree(operation: Operation, error: int, _detail: str) -> FirkinError:
    return FirkinError(f"{operation.origin}: {operation.text('path')} of the image: {os.strerror(error).lower()}")


def _namespace(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    path = operation.text("path")
    if error == errno.EINVAL:
        return FirkinError(f"{operation.origin}: {path}: is not a namespace of the type that is asked for")
    return FirkinError(f"{operation.origin}: {path}: {os.strerror(error).lower()}")


def _cgroup(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    name = operation.text("name")
    if error == errno.EBUSY:
        return FirkinError(f"{operation.origin}: cgroup {name}: has processes already")
    return FirkinError(f"{operation.origin}: make cgroup {name}: {os.strerror(error).lower()}")


def _enable(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    why = os.strerror(error).lower()
    hint = ""
    if error == errno.EBUSY:
        hint = "an ancestor has processes of its own: a cgroup can't have both processes and controlled children"
    return FirkinError(f"{operation.origin}: enable {operation.text('required')}: {why}", hint=hint)


def _attach(operation: Operation, error: int, detail: str) -> FirkinError | None:
    path = operation.text("path")
    if error == errno.ELOOP:
        return FirkinError(f"{operation.origin}.destination: {path}: is a symbolic link in the root file system")
    if error == errno.EPERM and path.startswith("/proc"):
        return FirkinError(f"{operation.origin}.destination: {path}: only a procfs may be mounted there")
    if error == errno.EPERM:
        return FirkinError(f"{operation.origin}.destination: {path}: lies on a procfs, or must not be mounted")
    return FirkinError(f"{operation.origin}: mount on {path}: {detail or os.strerror(error).lower()}")


def _directory(operation: Operation, error: int, _detail: str) -> FirkinError | None:
    path = operation.text("path")
    if error == errno.EPERM:
        return FirkinError(f"{operation.origin}: {path}: is outside of the container's root")
    return FirkinError(f"{operation.origin}: {path}: {os.strerror(error).lower()}")


def _await(_operation: Operation, error: int, detail: str) -> FirkinError | None:
    if error != errno.ECHILD:
        return None
    hint = "the memory limit may be too small to start anything" if "signal 9" in detail else ""
    return FirkinError(f"start the container's first process: {detail}", hint=hint)


def _net_device(operation: Operation, error: int, _detail: str) -> FirkinError:
    name = operation.text("name")
    why = f"there is a device {name} in the container already" if error == errno.EEXIST else os.strerror(error).lower()
    return FirkinError(f"{operation.origin}: move network device {operation.text('device')}: {why}")


_SPECIAL: dict[str, Callable[[Operation, int, str], FirkinError | None]] = {
    "exec": _executable,
    "find-executable": _executable,
    "hook": _hook,
    "state-make": _state,
    "open-tree": _tree,
    "open-device-tree": _tree,
    "open-namespace": _namespace,
    "overlay": _overlay,
    "subtree": _subtree,
    "proc-write": _proc_write,
    "cgroup-make": _cgroup,
    "cgroup-enable": _enable,
    "attach": _attach,
    "net-device": _net_device,
    "chdir": _directory,
    "await": _await,
    "program": _program,
    "adopt": _adopt,
    "terminal-listen": _terminal,
    "terminal-accept": _terminal,
}
_HINTS = {
    ("mount-new", errno.EPERM): "needs the matching new namespace, or rights that this user does not have",
    ("mount-new", errno.ENODEV): "the kernel does not know this file system",
    ("write-child", errno.EACCES): "lowering oom_score_adj needs CAP_SYS_RESOURCE",
    ("limit-child", errno.EPERM): "raising a hard limit needs CAP_SYS_RESOURCE",
    ("open-users", errno.EINVAL): "an id range is mapped twice, or is not the caller's to map",
    ("clone", errno.EPERM): "making namespaces needs CAP_SYS_ADMIN or a user namespace",
    ("clone", errno.ENOSPC): "a limit of /proc/sys/user/max_*_namespaces is reached",
    ("clone", errno.EAGAIN): "a limit of processes is reached",
    ("cgroup-devices", errno.EPERM): "attaching a device program needs CAP_BPF and CAP_NET_ADMIN",
    ("setns", errno.EPERM): "joining this namespace needs CAP_SYS_ADMIN in it",
    ("terminal", errno.ENOENT): "a terminal needs a devpts mount on /dev/pts",
}
