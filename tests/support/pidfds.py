"""Who asks for a pidfd over a socket."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.support.waiting import SECONDS

__all__ = ["PidfdTaker"]


class PidfdTaker:
    """Takes one descriptor of a socket at `path`, while it is entered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._socket.settimeout(SECONDS)

    def __enter__(self) -> PidfdTaker:
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._thread.join(SECONDS)
        self._socket.close()

    def _take(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            _, (self.fd,), _, _ = socket.recv_fds(connection, 100, 1)

    def pid(self) -> int:
        """The process that the descriptor is of."""
        lines = Path(f"/proc/self/fdinfo/{self.fd}").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Pid:")))
