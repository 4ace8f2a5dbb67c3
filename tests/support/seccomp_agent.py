"""A seccomp agent: takes the listener of a filter with the state of its container, and answers what is asked.

Source: config-linux.md "Seccomp"; seccomp_unotify(2).
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

from tests.support.waiting import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SeccompAgent"]

_RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV, of struct seccomp_notif
_SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND, of struct seccomp_notif_resp
_NOTIFICATION = struct.Struct("=QIIiI7Q")
_RESPONSE = struct.Struct("=QqiI")


class SeccompAgent:
    """Listens at `path`; answers each call that it is asked of with an error number, until nobody can ask any more.

    `states` are what came with each listener, `asked` the numbers of the calls, `pids` who made them.
    """

    def __init__(self, path: Path, error: int = errno.ENOMEDIUM) -> None:
        self.path = path
        self.error = error
        self.states: list[dict[str, Any]] = []
        self.asked: list[int] = []
        self.pids: list[int] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._socket.settimeout(SECONDS)

    def __enter__(self) -> SeccompAgent:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._thread.join(SECONDS)
        self._socket.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            text, fds, _, _ = socket.recv_fds(connection, 65536, 4)
            # The message ends with the connection.
            while more := connection.recv(65536):
                text += more
        self.states.append(json.loads(text))
        assert len(fds) == 1
        try:
            self._answer(fds[0])
        finally:
            os.close(fds[0])

    def _answer(self, listener: int) -> None:
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        # It hangs up when nobody is left who has the filter.
        while poller.poll()[0][1] & select.POLLIN:
            request = array.array("B", bytes(80))
            fcntl.ioctl(listener, _RECEIVE, request)
            id, pid, _flags, number, *_ = _NOTIFICATION.unpack(request.tobytes())
            self.pids.append(pid)
            self.asked.append(number)
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(id, 0, -self.error, 0))
