"""A connection to a container's monitor: its output and input, and questions.

Nothing here waits but what is said to: a server adds `fileno` to its loop, calls `receive` when it is readable, and
`send_stdin` again when it is writable.
"""

from __future__ import annotations

import errno
import select
from _struct import Struct

from firkin.errors import KernelError, StateError
from firkin.runtime._monitor import ffi, lib
from firkin.runtime.monitor.record import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

__all__ = ["STDERR", "STDIN", "STDOUT", "Client", "Done", "End", "Event", "Output"]

STDIN: int = lib.MONITOR_TO_STDIN
STDOUT: int = lib.MONITOR_FROM_STDOUT
STDERR: int = lib.MONITOR_FROM_STDERR

_SOCKET = ffi.string(lib.MONITOR_SOCKET).decode()
_HEAD = Struct("@II")
_MOST = _HEAD.size + lib.MONITOR_PACKET


class Output:
    """Bytes of `stream`, STDOUT or STDERR."""

    __slots__ = ("data", "stream")

    def __init__(self, stream: int, data: bytes) -> None:
        self.stream = stream
        self.data = data


class Done:
    """An answer: `error` is 0, or the errno why what was asked for was not done.

    `status` is what was asked for, if it was that. `has_stdin` and `has_terminal` are told to who attaches.
    """

    __slots__ = ("error", "has_stdin", "has_terminal", "status")

    def __init__(
        self, *, error: int = 0, status: Status | None = None, has_stdin: bool = False, has_terminal: bool = False
    ) -> None:
        self.error = error
        self.status = status
        self.has_stdin = has_stdin
        self.has_terminal = has_terminal


class End:
    """The last event. `status` tells how the container ended; None if the connection ended without a word.

    The start failed then, the monitor was killed, or it has dropped a client that took nothing: `recovery.look` tells.
    """

    __slots__ = ("status",)

    def __init__(self, status: Status | None) -> None:
        self.status = status


Event = Output | Done | End


class Client:
    """A connection; a context manager.

    The calls that wait for their answer are for a connection that is not attached: they would drop output.

    Parameters: `directory` is a descriptor of the container's directory.
    Raises StateError if there is no monitor: the container has ended, or was never started.
    """

    def __init__(self, directory: int) -> None:
        import socket

        self._socket: socket.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.connect(f"/proc/self/fd/{directory}/{_SOCKET}")
        except (ConnectionRefusedError, FileNotFoundError):
            self._socket.close()
            raise StateError("container not running: it has no monitor") from None
        except OSError as error:
            self._socket.close()
            raise KernelError("connect to the monitor", error.errno or 0) from error
        self._socket.setblocking(False)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def fileno(self) -> int:
        """For a poll: readable when there is an event or the end."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the connection. What was sent to standard input still arrives."""
        self._socket.close()

    def receive(self) -> Event | None:
        """The next event, None if there is none yet."""
        while True:
            try:
                return _decode(self._socket.recv(_MOST))
            except BlockingIOError:
                return None
            except ConnectionResetError:
                # It ended with something of ours unread; what it sent before is still to come.
                continue

    def send_stdin(self, data: bytes | memoryview) -> int:
        """Send bytes to standard input; returns how many were taken, 0 if there is no room now.

        Raises StateError if the monitor is gone.
        """
        sent = 0
        while sent < len(data):
            part = data[sent : sent + lib.MONITOR_PACKET]
            if not self._send(lib.MONITOR_STDIN_DATA, 0, part):
                break
            sent += len(part)
        return sent

    def _send(self, kind: int, value: int = 0, data: bytes | memoryview = b"") -> bool:
        try:
            self._socket.sendmsg([_HEAD.pack(kind, value), data])
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            raise StateError("container not running: its monitor is gone") from None
        return True

    def close_stdin(self) -> bool:
        """End standard input, after what was sent; False if there is no room for this message now."""
        return self._send(lib.MONITOR_CLOSE_STDIN)

    def ask_attach(self, streams: int) -> None:
        """Ask for output of the streams from now on, and to send input; the answer is an event `Done`.

        Parameters: `streams` of STDIN, STDOUT, STDERR. It fails with EBUSY if too many are attached.
        """
        self._ask(lib.MONITOR_ATTACH, streams)

    def ask_resize(self, rows: int, columns: int) -> None:
        """Ask for another size of the terminal; the answer is an event `Done`."""
        self._ask(lib.MONITOR_RESIZE, (rows & 0xFFFF) << 16 | columns & 0xFFFF)

    def ask_reopen_log(self) -> None:
        """Ask that the log is opened anew, as its file was moved away; the answer is an event `Done`."""
        self._ask(lib.MONITOR_REOPEN_LOG)

    def ask_status(self) -> None:
        """Ask for the status; the answer is an event `Done`."""
        self._ask(lib.MONITOR_STATUS)

    def _ask(self, kind: int, value: int = 0) -> None:
        if not self._send(kind, value):
            raise StateError("the monitor does not take a question: what it was sent before waits")

    def attach(self, streams: int, timeout: float = 30) -> Done:
        """As `ask_attach`, and wait for the answer. Raises KernelError if it is refused, or does not come."""
        self.ask_attach(streams)
        return self._await_done("attach to the container", timeout)

    def resize(self, rows: int, columns: int, timeout: float = 30) -> None:
        """As `ask_resize`, and wait for the answer. Raises KernelError, ENOTTY without a terminal."""
        self.ask_resize(rows, columns)
        self._await_done("resize the terminal", timeout)

    def reopen_log(self, timeout: float = 30) -> None:
        """As `ask_reopen_log`, and wait for the answer. Raises KernelError; then the old file is still in use."""
        self.ask_reopen_log()
        self._await_done("open the log again", timeout)

    def status(self, timeout: float = 30) -> Status:
        """As `ask_status`, and wait for the answer: the status while it runs, or how it ended."""
        what = "ask for the status"
        self.ask_status()
        event = self._await_answer(what, timeout)
        if event.status is None:
            raise StateError(f"{what}: container not running: its monitor is gone")
        return event.status

    def _await_done(self, what: str, timeout: float) -> Done:
        event = self._await_answer(what, timeout)
        if isinstance(event, End):
            raise StateError(f"{what}: container not running")
        if event.error:
            raise KernelError(what, event.error)
        return event

    def _await_answer(self, what: str, timeout: float) -> Done | End:
        # What comes before the answer is output, which who uses these calls has not asked for, or not yet.
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while True:
            event = self.receive()
            if isinstance(event, (Done, End)):
                return event
            if event is None and not poller.poll(timeout * 1000):
                raise KernelError(f"{what}: the monitor does not answer", errno.ETIMEDOUT)


def _decode(message: bytes) -> Event:
    if len(message) < _HEAD.size:
        return End(None)
    kind, value = _HEAD.unpack_from(message)
    data = message[_HEAD.size :]
    if kind == lib.MONITOR_STDOUT_DATA:
        return Output(STDOUT, data)
    if kind == lib.MONITOR_STDERR_DATA:
        return Output(STDERR, data)
    if kind == lib.MONITOR_DONE:
        return Done(error=value)
    if kind == lib.MONITOR_STATUS:
        return Done(status=_status(data))
    if kind == lib.MONITOR_ATTACHED:
        return Done(has_stdin=bool(value & lib.MONITOR_STDIN), has_terminal=bool(value & lib.MONITOR_TERMINAL))
    if kind == lib.MONITOR_EXITED:
        return End(_status(data))
    raise StateError(f"the monitor says {kind}, which is no message: it is of another version")


def _status(data: bytes) -> Status:
    told = ffi.from_buffer("struct monitor_status *", data)
    return Status(
        monitor=told.monitor,
        pid=told.pid,
        start_time=told.start_time,
        started_ns=told.started_ns,
        exited_ns=told.exited_ns,
        code=told.code,
        signal=told.signal,
        oom_kills=told.oom_kills,
        lost_records=told.lost_records,
        lost_bytes=told.lost_bytes,
        log_error=told.log_error,
    )
