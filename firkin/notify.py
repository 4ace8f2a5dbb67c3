"""What is between the server and a service manager: sd_notify(3), sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

__all__ = ["notify", "sockets_handed_over"]


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


def sockets_handed_over() -> int:
    """How many listening sockets the manager has handed to this process (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    count = os.environ.get("LISTEN_FDS", "")
    return int(count) if count.isascii() and count.isdecimal() else 0
