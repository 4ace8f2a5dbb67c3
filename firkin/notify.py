"""What is between the server and a service manager: sd_notify(3), sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

__all__ = ["handed_over", "notify"]

_FIRST = 3


def notify(text: str) -> None:
    """Send `text`, such as `READY=1`, if somebody wants to hear it."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path[0] == "@" else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(text.encode(), address)
        except OSError:
            # A manager that has gone is no reason to stop.
            return


def handed_over() -> list[int]:
    """The descriptors that the manager has handed to this process (sd_listen_fds(3)).

    They are told once: the environment that names them is for nobody else.
    """
    process, count, _ = (os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()) or not (count.isascii() and count.isdecimal()):
        return []
    return list(range(_FIRST, _FIRST + int(count)))
