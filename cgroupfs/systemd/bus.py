"""A connection to a message bus: calls and signals, each with a deadline.

Source: D-Bus Specification, "Message Protocol", "Authentication Protocol".
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from errno import EACCES

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Parser, new_method_call
from jeepney.bus import get_connectable_addresses

from firkin.errors import CgroupError, CgroupTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Bus", "RefusedError", "bus_path"]

_HINT = "is systemd running here, with a message bus? --cgroup-manager cgroupfs does without"
_LONGEST_ANSWER = 8192


class RefusedError(Exception):
    """The other side answered a call with an error: its D-Bus `name` and its `text`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def bus_path(*, user: bool) -> str:
    """The socket of the system's bus, or of the calling user's; `\\0` in front of an abstract one's name.

    Raises CgroupError if the environment names none that can be reached.
    """
    if user:
        runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
        variable, usual = "DBUS_SESSION_BUS_ADDRESS", f"unix:path={runtime}/bus"
    else:
        variable, usual = "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket"
    address = os.environ.get(variable) or usual
    try:
        return str(next(get_connectable_addresses(address)))
    except (ValueError, RuntimeError):
        raise CgroupError(f"connect to systemd: {variable}={address}: is not a unix socket", verb="connect") from None


class Bus:
    """A connection, open from its making on; close it, or use it as a context manager.

    Parameters: `path` is that of `bus_path`, `timeout` the seconds that making the connection may take.
    Raises CgroupError, CgroupTimeoutError.
    """

    def __init__(self, path: str, *, timeout: float) -> None:
        self._path = path.replace("\0", "@", 1)
        self._parser = Parser()
        self._serial = 0
        self._signals: deque[Message] = deque()
        self._socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + timeout
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(path)
            self._authenticate(deadline)
        except OSError as error:
            self._socket.close()
            raise self._lost("connect to", error) from error
        try:
            self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Hello", deadline=deadline)
        except RefusedError as error:
            self.close()
            raise CgroupError(f"connect to systemd: {self._path}: {error.text}", verb="connect") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _lost(self, verb: str, error: Exception) -> CgroupError:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "timed out"
        kind = CgroupTimeoutError if isinstance(error, TimeoutError) else CgroupError
        number = error.errno or 0 if isinstance(error, OSError) else 0
        return kind(f"{verb} systemd: {self._path}: {why}", verb=verb, file=self._path, errno=number, hint=_HINT)

    def _authenticate(self, deadline: float) -> None:
        # No name is told: the kernel tells the other side who this is, also in a user namespace.
        self._socket.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\n")
        answer = b""
        while answer.count(b"\r\n") < 2 and len(answer) < _LONGEST_ANSWER and not answer.startswith(b"REJECTED"):
            answer += self._receive(deadline, 1024)
        if not answer.startswith(b"DATA\r\nOK "):
            raise PermissionError(EACCES, "the message bus does not let this user in")
        self._socket.sendall(b"BEGIN\r\n")

    def _receive(self, deadline: float, most: int = 65536) -> bytes:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError("no answer in time")
        data = self._socket.recv(most)
        if not data:
            raise ConnectionResetError("the connection was closed")
        return data

    def _next(self, deadline: float) -> Message:
        try:
            while (message := self._parser.get_next_message()) is None:
                self._parser.add_data(self._receive(deadline))
        except OSError as error:
            raise self._lost("wait for", error) from error
        return message

    def call(
        self,
        destination: str,
        path: str,
        method: str,
        signature: str = "",
        *arguments: object,
        deadline: float,
    ) -> tuple[Any, ...]:
        """Call `method`, INTERFACE.MEMBER, of the object `path` at `destination`; returns what it returns.

        Parameters: `arguments` are of the D-Bus types `signature`; `deadline` is on the monotonic clock.
        Raises RefusedError for an answer that is an error, CgroupTimeoutError for none, CgroupError.
        """
        interface, _, member = method.rpartition(".")
        address = DBusAddress(path, bus_name=destination, interface=interface)
        message = new_method_call(address, member, signature or None, arguments)
        self._serial += 1
        serial = self._serial
        try:
            self._socket.sendall(message.serialise(serial=serial))
        except OSError as error:
            raise self._lost("write to", error) from error
        while True:
            answer = self._next(deadline)
            kind, fields = answer.header.message_type, answer.header.fields
            if kind is MessageType.signal:
                self._signals.append(answer)
            elif (
                kind in (MessageType.method_return, MessageType.error)
                and fields.get(HeaderFields.reply_serial) == serial
            ):
                return _result(answer)

    def next_signal(self, sender: str, deadline: float) -> tuple[str, tuple[Any, ...]]:
        """The next signal of `sender`, a unique name of the bus: INTERFACE.MEMBER and its arguments.

        Raises CgroupTimeoutError, CgroupError.
        """
        while True:
            message = self._signals.popleft() if self._signals else self._next(deadline)
            fields = message.header.fields
            # Anybody may send a signal to anybody: it counts only from whom it is expected.
            if message.header.message_type is MessageType.signal and fields.get(HeaderFields.sender) == sender:
                return f"{fields[HeaderFields.interface]}.{fields[HeaderFields.member]}", tuple(message.body)


def _result(answer: Message) -> tuple[Any, ...]:
    body = tuple(answer.body)
    if answer.header.message_type is MessageType.error:
        name = str(answer.header.fields.get(HeaderFields.error_name, ""))
        raise RefusedError(name, str(body[0]) if body else name)
    return body
