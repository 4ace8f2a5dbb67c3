"""Running a plug-in: a program that is given a configuration, has its time, and says something short.

Source: CNI specification, section 2, "Execution Protocol".
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from firkin.errors import ConfigError, KernelError, NetworkError
from firkin.oci.json_text import parse
from firkin.runtime.spawn import start_program, wait

__all__ = ["UNKNOWN_CONTAINER", "Call", "PluginError", "find_plugin", "run_plugin"]

UNKNOWN_CONTAINER = 3
"""The code of a plug-in that has nothing to undo."""

_TRY_AGAIN = 11
_MOST_OUTPUT = 1 << 20
_MOST_COMPLAINT = 1 << 12
_MOST_TEXT = 500
_CHUNK = 1 << 16
# A daemon that the plug-in started may hold its output open; what the plug-in itself said has come by then.
_AFTER_END = 1.0


class PluginError(NetworkError):
    """A plug-in failed; `code` is the specification's number for why, 0 if it gave none."""

    def __init__(self, message: str, *, code: int = 0, hint: str = "") -> None:
        self.code = code
        super().__init__(message, transient=code == _TRY_AGAIN, hint=hint)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the program's path, the command and its object for errors, environment, input, time in seconds.

    `inherited` is a descriptor that it is given beside the standard ones, -1 for none.
    """

    path: str
    what: str
    environment: Mapping[str, str]
    input: bytes
    timeout: float
    inherited: int = -1


def find_plugin(name: str, directories: Sequence[str]) -> str:
    """The path of the program of a plug-in. Raises PluginError if it is in none of the directories."""
    for directory in directories:
        path = f"{directory}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise PluginError(f"CNI plug-in {name}: is not in {', '.join(directories)}", hint="is it installed?")


def run_plugin(call: Call) -> bytes:
    """What the plug-in printed. Blocks; for another thread than that of the event loop.

    Raises PluginError if it can not be executed, fails, is killed, takes too long or prints too much; in the last two
    cases it is killed with what it started.
    """
    with _started(call) as process:
        try:
            output, complaint = _Listener(process, call).listen()
        except BaseException:
            # It is not reaped yet, so its number is still its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            status = wait(process.pidfd)
    if status:
        raise _failure(call, status, output, complaint)
    return output


@dataclass(frozen=True, slots=True)
class _Process:
    # What is read of it: its standard output and error.
    pid: int
    pidfd: int
    output: int
    complaint: int


@contextlib.contextmanager
def _started(call: Call) -> Iterator[_Process]:
    with contextlib.ExitStack() as ours:
        with contextlib.ExitStack() as its, _file(call.input) as stdin:
            ends = []
            for _ in range(2):
                reading, writing = os.pipe2(os.O_CLOEXEC)
                ours.callback(os.close, reading)
                its.callback(os.close, writing)
                ends.append((reading, writing))
            (output, stdout), (complaint, stderr) = ends
            environment = [f"{name}={value}" for name, value in call.environment.items()]
            streams, keep = (stdin, stdout, stderr), (call.inherited, -1)
            try:
                pid, pidfd = start_program(call.path, [call.path], environment, streams=streams, keep=keep)
            except KernelError as error:
                raise PluginError(f"{call.what}: execute {call.path}: {os.strerror(error.errno)}") from None
            ours.callback(os.close, pidfd)
        yield _Process(pid, pidfd, output, complaint)


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[int]:
    # Not a pipe, so that nobody waits for the plug-in to read it.
    fd = os.memfd_create("cni", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(data)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


class _Listener:
    # Reads what a process says until it has ended.
    def __init__(self, process: _Process, call: Call) -> None:
        self._call = call
        self._ended = process.pidfd
        self._output, self._complaint = process.output, process.complaint
        self._said = {self._output: b"", self._complaint: b""}
        self._deadline = time.monotonic() + call.timeout
        self._poller = select.poll()
        self._open: set[int] = set()

    def listen(self) -> tuple[bytes, bytes]:
        self._open = {self._ended, *self._said}
        for fd in self._open:
            self._poller.register(fd, select.POLLIN)
        while self._open and self._wait():
            pass
        return self._said[self._output], self._said[self._complaint]

    def _wait(self) -> bool:
        # Whether there may be more to come.
        ready = self._poller.poll(max(0.0, self._deadline - time.monotonic()) * 1000)
        if not ready and self._ended in self._open:
            complaint = _line(self._said[self._complaint])
            raise PluginError(f"{self._call.what}: does not end within {self._call.timeout:g} s{_after(complaint)}")
        for fd, _ in ready:
            if fd == self._ended:
                self._deadline = time.monotonic() + _AFTER_END
            elif data := os.read(fd, _CHUNK):
                self._hear(fd, data)
                continue
            self._open.discard(fd)
            self._poller.unregister(fd)
        return bool(ready)

    def _hear(self, fd: int, data: bytes) -> None:
        said = self._said[fd] + data
        if fd == self._output and len(said) > _MOST_OUTPUT:
            raise PluginError(f"{self._call.what}: prints more than {_MOST_OUTPUT} bytes")
        self._said[fd] = said if fd == self._output else said[-_MOST_COMPLAINT:]


def _failure(call: Call, status: int, output: bytes, complaint: bytes) -> PluginError:
    end = f"is killed by {signal.Signals(status - 256).name}" if status >= 256 else f"ends with status {status}"
    try:
        document = parse(output, "")
    except ConfigError:
        document = None
    if not isinstance(document, dict) or not (document.get("msg") or document.get("code")):
        return PluginError(f"{call.what}: {end}{_after(_line(complaint) or _line(output))}")
    code = document.get("code")
    code = code if isinstance(code, int) else 0
    said = ": ".join(_line(str(document[key]).encode()) for key in ("msg", "details") if document.get(key))
    return PluginError(f"{call.what}: {said or end} (code {code})", code=code)


def _line(text: bytes) -> str:
    # The last of what was said, on one line and without what a terminal would take as a command.
    line = " ".join(text.decode(errors="replace").split())[-_MOST_TEXT:]
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _after(text: str) -> str:
    return f": {text}" if text else ""
