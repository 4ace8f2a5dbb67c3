"""Forgetting connections that the kernel tracks.

UDP has no end that the kernel sees: who goes on sending to a port of the host would be led to where that port led
before, until nothing came for some time.
Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h; CTA_FILTER since Linux 5.8.
"""

from __future__ import annotations

import socket

from firkin.cri.network.netlink.messages import Message, encode, nested, netlink_classes

__all__ = ["forget_port"]

_SUBSYSTEM, _DELETE = 1, 2
_BY_PROTOCOL, _BY_DESTINATION_PORT = 1 << 3, 1 << 5

(_nfctsocket,) = netlink_classes("nfnetlink.nfctsocket")


def forget_port(version: int, protocol: int, port: int) -> Message:
    """Forget all connections of a transport protocol to a port, whoever began them, of IPv4 or IPv6."""
    original = nested(("CTA_TUPLE_PROTO", nested(("CTA_PROTO_NUM", protocol), ("CTA_PROTO_DST_PORT", port))))
    data = encode(
        _nfctsocket.nfct_msg,
        _SUBSYSTEM << 8 | _DELETE,
        0,
        ("CTA_TUPLE_ORIG", original),
        ("CTA_FILTER", nested(("CTA_FILTER_ORIG_FLAGS", _BY_PROTOCOL | _BY_DESTINATION_PORT))),
        nfgen_family=socket.AF_INET if version == 4 else socket.AF_INET6,
    )
    return Message(f"forget connections to port {port}", data)
