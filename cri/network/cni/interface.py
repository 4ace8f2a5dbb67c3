"""The links of a pod whose network plug-ins make, as far as they are not the plug-ins' business.

Source: netdevice(7); linux/sockios.h for SIOCSIFNAME.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import struct

from firkin.cri.network.cni.configuration import Plugin
from firkin.cri.network.netlink.namespace import entered, open_pod, own_namespace
from firkin.errors import FirkinError, KernelError

__all__ = ["ASIDE", "is_put_aside", "put_aside", "set_loopback_up"]

ASIDE = "firkin-gone"
"""What a link is called that nobody is to find."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFNAME = 0x8913, 0x8914, 0x8923
_FLAGS, _NAMES = struct.Struct("16sH22x"), struct.Struct("16s16s8x")
_UP = 1

_log = logging.getLogger(__name__)


def set_loopback_up(netns: str) -> None:
    """Set `lo` up in the network namespace at a path. Raises KernelError, NetworkError, OSError."""
    with _socket_in(netns) as inside:
        try:
            _change(inside, "lo", on=_UP)
        except OSError as error:
            raise KernelError("set the loopback link of a pod up", error.errno or 0) from None


def is_put_aside(plugin: Plugin) -> bool:
    """Whether a plug-in does no more with a pod's link, when the pod goes, than to delete it.

    It is so with the bridge of the CNI project, unless it masquerades: then it looks up the addresses of the link, to
    know which rules to delete. A link that is missing is no error for it, as the specification has it.
    """
    return plugin.type == "bridge" and not plugin.document.get("ipMasq")


def put_aside(netns: str, interface: str) -> None:
    """Silence a pod's link, so that its addresses can be given again, and leave it to be deleted with the namespace.

    Who deletes a link waits until the kernel's readers have let go of it, for 10 to 20 ms; the kernel does that by
    itself, for many namespaces at a time, when these are gone. One that can not be put aside stays, for the plug-in.
    """
    try:
        with _socket_in(netns) as inside:
            # Before Linux 6.2 only a link that is down can be renamed.
            _change(inside, interface, off=_UP)
            fcntl.ioctl(inside, _SIOCSIFNAME, _NAMES.pack(interface.encode(), ASIDE.encode()))
    except (FirkinError, OSError) as error:
        if getattr(error, "errno", 0) != errno.ENODEV:
            _log.debug("put %s of %s aside: %s", interface, netns, error)


def _socket_in(netns: str) -> socket.socket:
    home = own_namespace()
    try:
        pod = open_pod(netns, home)
        try:
            with entered(pod, home):
                return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        finally:
            os.close(pod)
    finally:
        os.close(home)


def _change(inside: socket.socket, interface: str, *, on: int = 0, off: int = 0) -> None:
    name = interface.encode()
    _, flags = _FLAGS.unpack(fcntl.ioctl(inside, _SIOCGIFFLAGS, _FLAGS.pack(name, 0)))
    fcntl.ioctl(inside, _SIOCSIFFLAGS, _FLAGS.pack(name, flags & ~off | on))
