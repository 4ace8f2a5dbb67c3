"""Requests of rtnetlink that limit what a link sends: a token bucket filter, tc-tbf(8).

Source: include/uapi/linux/pkt_sched.h, net/sched/sch_tbf.c.
"""

from __future__ import annotations

import struct
from typing import Any

from firkin.cri.network.netlink.messages import Message, encode, nested, netlink_classes

__all__ = ["limit_rate"]

_NEWQDISC = 36
_CREATE, _REPLACE = 0x400, 0x100
_ROOT = 0xFFFF_FFFF
_ETHERNET = 1
_MOST_32 = 0xFFFF_FFFF
# struct tc_tbf_qopt: two of struct tc_ratespec, then limit, buffer and mtu.
_RATE = "BBHhHI"
_OPTIONS = struct.Struct(f"={_RATE}{_RATE}III")
_LATENCY, _BURST, _LEAST_BURST = 0.025, 0.010, 1 << 15

_nla = netlink_classes("nfnetlink.nftsocket")[0].nla
_nlmsg = netlink_classes("rtnl.ifinfmsg")[0].nlmsg

_names = ("UNSPEC:none", "PARMS:cdata", "RTAB:cdata", "PTAB:cdata", "RATE64:uint64", "PRATE64:uint64", "BURST:uint32")
_bucket: type[Any] = type("Bucket", (_nla,), {"nla_map": tuple(
    (f"TCA_TBF_{name}", kind) for name, _, kind in (pair.partition(":") for pair in _names)
)})  # fmt: skip
_message: type[Any] = type("Discipline", (_nlmsg,), {
    "fields": (("family", "B"), ("pad1", "B"), ("pad2", "H"), ("index", "i"), ("handle", "I"), ("parent", "I"),
               ("info", "I")),
    "nla_map": (("TCA_UNSPEC", "none"), ("TCA_KIND", "asciiz"), ("TCA_OPTIONS", "bucket")),
    "bucket": _bucket,
})  # fmt: skip


def limit_rate(index: int, bits: int) -> Message:
    """Let the link with this index send at most so many bits in a second.

    It may send what it did not in the last 10 ms, at least 32 KiB; what would wait longer than 25 ms is dropped.
    """
    rate = max(1, bits // 8)
    burst = min(_MOST_32, max(_LEAST_BURST, int(rate * _BURST)))
    most = min(_MOST_32, int(rate * _LATENCY) + burst)
    whole = (0, _ETHERNET, 0, 0, 0, min(rate, _MOST_32))
    options = nested(
        ("TCA_TBF_PARMS", _OPTIONS.pack(*whole, *bytes(6), most, 0, 0)),
        ("TCA_TBF_RATE64", rate),
        ("TCA_TBF_BURST", burst),
    )
    data = encode(
        _message,
        _NEWQDISC,
        _CREATE | _REPLACE,
        ("TCA_KIND", "tbf"),
        ("TCA_OPTIONS", options),
        index=index,
        parent=_ROOT,
    )
    return Message(f"limit a link to {bits} bit/s", data)
