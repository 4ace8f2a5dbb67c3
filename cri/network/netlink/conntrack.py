"""Forgetting connections that the kernel tracks.

UDP has no end that the kernel sees: who goes on sending to a port of the host would be led to where that port led
before, until nothing came for some time.
Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys

from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.messages import IS_NESTED, Message, encode, nested, netlink_classes, walk
from firkin.errors import KernelError

__all__ = ["forget_listed", "forget_port"]

_SUBSYSTEM, _GET, _DELETE, _DUMP = 1, 1, 2, 0x300
_BY_PROTOCOL, _BY_DESTINATION_PORT = 1 << 3, 1 << 5
_TUPLE_ORIGINAL = 1
_HEADER = 4
_REQUEST = struct.Struct("=IHHIIBBH")
_REQUEST_AND_ACK = 0x005

(_nfctsocket,) = netlink_classes("nfnetlink.nfctsocket")


def forget_port(connection: Connection, version: int, protocol: int, port: int) -> None:
    """Forget all connections of a transport protocol to a port, whoever began them, of IPv4 or IPv6.

    Parameters: `connection` is of nfnetlink. Raises KernelError.
    """
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        connection.do(_about(_DELETE, 0, family, protocol, port), ignore={errno.ENOENT})
    except KernelError as error:
        if error.errno != errno.EINVAL:
            raise
        forget_listed(connection, family, protocol, port)


def forget_listed(connection: Connection, family: int, protocol: int, port: int) -> None:
    """The same one by one: before Linux 6.8 one can list by port, but not delete. Raises KernelError."""
    listed = connection.ask(_about(_GET, _DUMP, family, protocol, port))
    deletions = [_delete(family, body) for _, body in listed]
    if deletions:
        connection.do(*deletions, ignore={errno.ENOENT})


def _about(kind: int, flags: int, family: int, protocol: int, port: int) -> Message:
    original = nested(("CTA_TUPLE_PROTO", nested(("CTA_PROTO_NUM", protocol), ("CTA_PROTO_DST_PORT", port))))
    data = encode(
        _nfctsocket.nfct_msg,
        _SUBSYSTEM << 8 | kind,
        flags,
        ("CTA_TUPLE_ORIG", original),
        ("CTA_FILTER", nested(("CTA_FILTER_ORIG_FLAGS", _BY_PROTOCOL | _BY_DESTINATION_PORT))),
        nfgen_family=family,
    )
    return Message(f"forget connections to port {port}", data)


def _delete(family: int, listed: bytes) -> Message:
    # The connection is named by what it is listed with.
    original = dict(walk(listed, _HEADER))[_TUPLE_ORIGINAL]
    size = 4 + len(original)
    attribute = size.to_bytes(2, sys.byteorder) + (_TUPLE_ORIGINAL | IS_NESTED).to_bytes(2, sys.byteorder) + original
    kind = _SUBSYSTEM << 8 | _DELETE
    header = _REQUEST.pack(_REQUEST.size + size, kind, _REQUEST_AND_ACK, 0, 0, family, 0, 0)
    return Message("forget a connection", header + attribute)
