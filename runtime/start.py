"""Starting a created container: one byte to the process that waits, and its answer."""

from __future__ import annotations

import errno
import os
import select
from _struct import Struct

from firkin.errors import FirkinError, HookError, StateError
from firkin.runtime.status import RUNNING, check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.plan.disassemble import Value

__all__ = ["start"]

# struct plan_record of csrc/plan.h: type, operation code, index, errno, detail.
_RECORD = Struct("<IIIi232s")


def start(root: str, id: str, invocation: Invocation) -> None:
    """Start the container, and return when its program runs.

    Raises StateError if it is not created, ExecutableError and others if the program can't be executed.
    """
    answer = invocation.settings.get("answer")
    with Container(root, id) as container:
        container.lock()
        record = _answered(answer) if isinstance(answer, int) and answer >= 0 else _start(container)
        if record:
            raise _failure(container, record)
        _run_poststart(container, invocation)


def _start(container: Container) -> bytes:
    check("start", container.id, container.status())
    answer = os.open("answer", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=container.fd)
    try:
        _release(container)
        return _answered(answer)
    finally:
        os.close(answer)


def _release(container: Container) -> None:
    try:
        gate = os.open("start", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=container.fd)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise StateError(f'container "{container.id}" is not waiting any more') from None
        raise
    try:
        os.write(gate, b"\0")
    finally:
        os.close(gate)


def _answered(answer: int) -> bytes:
    # The writing end closes when the program is executed, or when the process dies.
    poller = select.poll()
    poller.register(answer, select.POLLIN)
    poller.poll()
    return os.read(answer, _RECORD.size)


def _failure(container: Container, record: bytes) -> FirkinError:
    from firkin.runtime.failure import explain_failure
    from firkin.runtime.plan.disassemble import Operation
    from firkin.runtime.plan.operation_names import NAMES

    _, code, index, error, detail = _RECORD.unpack(record)
    text = detail.partition(b"\0")[0].decode("utf-8", "replace")
    origin, _, more = text.partition(": ")
    name = NAMES[code][0]
    if name == "hook":
        return HookError(f"{origin}: {more or os.strerror(error)}")
    arguments: dict[str, Value] = {"candidates": _candidates(container)} if name == "exec" else {}
    return explain_failure(Operation("child", index, code, name, origin, arguments), error, more)


def _candidates(container: Container) -> list[str]:
    config = _config(container)
    program = config.process.args[0] if config.process else ""
    return [program] if "/" in program else ["", f"/{program}"][::-1]


def _config(container: Container) -> Config:
    from firkin.oci.runtime_spec.config import load_config

    return load_config(container.config_text())


def _run_poststart(container: Container, invocation: Invocation) -> None:
    # A look at the bytes spares most containers the decoding.
    if b'"poststart"' not in container.config_text():
        return
    from firkin.runtime.hooks import run_hooks

    failures = run_hooks(container, _config(container), "poststart", RUNNING, container.pid)
    if failures:
        # runtime.md "Lifecycle": the container is stopped and destroyed.
        from firkin.runtime.delete import take_away

        take_away(container, invocation.log.warning)
        raise failures[0]
