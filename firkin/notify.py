"""Telling a service manager how it goes, and taking the sockets that it opened: sd_notify(3), sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

__all__ = ["activated_sockets", "notify"]

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


def activated_sockets() -> list[socket.socket]:
    """The sockets that were handed over. What this process starts does not get them."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    found = [socket.socket(fileno=fd) for fd in range(_FIRST, _FIRST + count)]
    for one in found:
        one.set_inheritable(False)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return found
