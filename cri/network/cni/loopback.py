"""The loopback link of a pod whose network plug-ins make. Source: netdevice(7)."""

from __future__ import annotations

import fcntl
import socket
import struct

from firkin.cri.network.netlink.namespace import entered
from firkin.errors import KernelError

__all__ = ["set_loopback_up"]

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_REQUEST = struct.Struct("16sH22x")
_UP = 1


def set_loopback_up(pod: int, home: int) -> None:
    """Set `lo` up in the network namespace `pod`; `home` is that of the calling thread. Raises KernelError."""
    with entered(pod, home):
        inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    with inside:
        try:
            _, flags = _REQUEST.unpack(fcntl.ioctl(inside, _SIOCGIFFLAGS, _REQUEST.pack(b"lo", 0)))
            fcntl.ioctl(inside, _SIOCSIFFLAGS, _REQUEST.pack(b"lo", flags | _UP))
        except OSError as error:
            raise KernelError("set the loopback link of a pod up", error.errno or 0) from None
