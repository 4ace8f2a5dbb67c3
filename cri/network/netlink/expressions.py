"""Expressions of nftables, of which rules are made; each is what one word of nft(8) stands for.

Registers hold 4 bytes each; a concatenation lies in consecutive ones, each part padded to 4 bytes.
Source: include/uapi/linux/netfilter/nf_tables.h, nft(8).
"""

from __future__ import annotations

import socket
import sys

from firkin.cri.network.netlink.messages import Attribute, nested

__all__ = [
    "LINK",
    "NETWORK",
    "Expression",
    "address_in",
    "byte_is",
    "destination_is_local",
    "dnat",
    "drop",
    "from_group",
    "from_interface",
    "is_destination_translated",
    "is_ipv",
    "jump",
    "load_address",
    "load_port",
    "load_protocol",
    "look_up",
    "masquerade",
    "to_interface",
]

LINK, NETWORK = 0, 1
"""Headers of a packet."""

Expression = dict[str, list[Attribute]]

_VERDICT = 0
_FIRST = 8
_EQUAL, _DIFFERENT = 0, 1
_META_IIFNAME, _META_OIFNAME, _META_NFPROTO, _META_L4PROTO, _META_IIFGROUP = 6, 7, 15, 16, 21
_TRANSPORT = 2
_CT_STATUS, _DESTINATION_TRANSLATED = 2, 0x20
_FIB_BY_DESTINATION, _FIB_ADDRESS_TYPE, _LOCAL = 2, 3, 2
_DNAT = 1
_FULLY_RANDOM = 0x10
_NOT_IN = 1
_DROP, _JUMP = 0, -3
_NAME_SIZE = 16
_SOURCE, _DESTINATION = "source", "destination"
_PLACES = {(4, _SOURCE): (12, 4), (4, _DESTINATION): (16, 4), (6, _SOURCE): (8, 16), (6, _DESTINATION): (24, 16)}


def is_ipv(version: int) -> list[Expression]:
    """`meta nfproto`: of IPv4 or IPv6."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return [_meta(_META_NFPROTO, _FIRST), _compare(bytes([family]))]


def from_interface(name: str) -> list[Expression]:
    """`iifname`: comes from the link of that name."""
    return [_meta(_META_IIFNAME, _FIRST), _compare(_padded(name))]


def from_group(group: int) -> list[Expression]:
    """`iifgroup`: comes from a link of that group."""
    return [_meta(_META_IIFGROUP, _FIRST), _compare(group.to_bytes(4, sys.byteorder))]


def byte_is(base: int, offset: int, value: int) -> list[Expression]:
    """`@BASE,OFFSET,8 VALUE`: the byte at an offset of LINK or NETWORK, the header of the link or the network."""
    return [_payload(base, offset, 1, 0), _compare(bytes([value]))]


def to_interface(name: str, *, negated: bool = False) -> list[Expression]:
    """`oifname`: goes to the link of that name, or to any other."""
    return [_meta(_META_OIFNAME, _FIRST), _compare(_padded(name), _DIFFERENT if negated else _EQUAL)]


def address_in(version: int, which: str, network: bytes, mask: bytes, *, negated: bool = False) -> list[Expression]:
    """`ip saddr NETWORK`, `ip daddr NETWORK`: `which` is source or destination."""
    part = _expression(
        "bitwise",
        ("NFTA_BITWISE_SREG", _FIRST),
        ("NFTA_BITWISE_DREG", _FIRST),
        ("NFTA_BITWISE_LEN", len(mask)),
        ("NFTA_BITWISE_MASK", _value(mask)),
        ("NFTA_BITWISE_XOR", _value(bytes(len(mask)))),
    )
    return [*load_address(version, which), part, _compare(network, _DIFFERENT if negated else _EQUAL)]


def load_address(version: int, which: str, register: int = 0) -> list[Expression]:
    """Put the packet's source or destination into registers from `register` on."""
    offset, length = _PLACES[version, which]
    return [_payload(NETWORK, offset, length, register)]


def load_protocol(register: int) -> list[Expression]:
    """Put the number of the transport protocol into a register."""
    return [_meta(_META_L4PROTO, _FIRST + register)]


def load_port(register: int) -> list[Expression]:
    """Put the destination's port, of TCP, UDP or SCTP, into a register."""
    return [_payload(_TRANSPORT, 2, 2, register)]


def look_up(name: str, *, into: int | None = None, negated: bool = False) -> list[Expression]:
    """Go on if what is in the first registers is in a set, or not in it, or put what a map says into registers."""
    attributes: list[Attribute] = [("NFTA_LOOKUP_SET", name), ("NFTA_LOOKUP_SREG", _FIRST)]
    if into is not None:
        attributes.append(("NFTA_LOOKUP_DREG", _FIRST + into))
    if negated:
        attributes.append(("NFTA_LOOKUP_FLAGS", _NOT_IN))
    return [_expression("lookup", *attributes)]


def is_destination_translated() -> list[Expression]:
    """`ct status dnat`: its destination was changed."""
    load = _expression("ct", ("NFTA_CT_DREG", _FIRST), ("NFTA_CT_KEY", _CT_STATUS))
    bit = _DESTINATION_TRANSLATED.to_bytes(4, sys.byteorder)
    part = _expression(
        "bitwise",
        ("NFTA_BITWISE_SREG", _FIRST),
        ("NFTA_BITWISE_DREG", _FIRST),
        ("NFTA_BITWISE_LEN", 4),
        ("NFTA_BITWISE_MASK", _value(bit)),
        ("NFTA_BITWISE_XOR", _value(bytes(4))),
    )
    return [load, part, _compare(bytes(4), _DIFFERENT)]


def destination_is_local() -> list[Expression]:
    """`fib daddr type local`: is for an address of this host."""
    load = _expression(
        "fib",
        ("NFTA_FIB_DREG", _FIRST),
        ("NFTA_FIB_RESULT", _FIB_ADDRESS_TYPE),
        ("NFTA_FIB_FLAGS", _FIB_BY_DESTINATION),
    )
    return [load, _compare(_LOCAL.to_bytes(4, sys.byteorder))]


def dnat(version: int, address: int, port: int) -> list[Expression]:
    """`dnat`: change the destination to the address and the port in these registers."""
    return [
        _expression(
            "nat",
            ("NFTA_NAT_TYPE", _DNAT),
            ("NFTA_NAT_FAMILY", socket.AF_INET if version == 4 else socket.AF_INET6),
            ("NFTA_NAT_REG_ADDR_MIN", _FIRST + address),
            ("NFTA_NAT_REG_PROTO_MIN", _FIRST + port),
        )
    ]


def masquerade() -> list[Expression]:
    """`masquerade fully-random`: change the source to the address of the link that it leaves by.

    Two connections that begin at once can be given one port where it is not chosen at random: then one is lost.
    """
    return [_expression("masq", ("NFTA_MASQ_FLAGS", _FULLY_RANDOM))]


def jump(chain: str) -> list[Expression]:
    """`jump`: go on in another chain."""
    return [_verdict(("NFTA_VERDICT_CODE", _JUMP), ("NFTA_VERDICT_CHAIN", chain))]


def drop() -> list[Expression]:
    """`drop`."""
    return [_verdict(("NFTA_VERDICT_CODE", _DROP))]


def _verdict(*attributes: Attribute) -> Expression:
    data = nested(("NFTA_DATA_VERDICT", nested(*attributes)))
    return _expression("immediate", ("NFTA_IMMEDIATE_DREG", _VERDICT), ("NFTA_IMMEDIATE_DATA", data))


def _meta(key: int, register: int) -> Expression:
    return _expression("meta", ("NFTA_META_DREG", register), ("NFTA_META_KEY", key))


def _payload(base: int, offset: int, length: int, register: int) -> Expression:
    return _expression(
        "payload",
        ("NFTA_PAYLOAD_DREG", _FIRST + register),
        ("NFTA_PAYLOAD_BASE", base),
        ("NFTA_PAYLOAD_OFFSET", offset),
        ("NFTA_PAYLOAD_LEN", length),
    )


def _compare(data: bytes, operation: int = _EQUAL) -> Expression:
    return _expression("cmp", ("NFTA_CMP_SREG", _FIRST), ("NFTA_CMP_OP", operation), ("NFTA_CMP_DATA", _value(data)))


def _value(data: bytes) -> Expression:
    return nested(("NFTA_DATA_VALUE", data))


def _expression(name: str, *attributes: Attribute) -> Expression:
    return nested(("NFTA_EXPR_NAME", name), ("NFTA_EXPR_DATA", nested(*attributes)))


def _padded(name: str) -> bytes:
    return name.encode().ljust(_NAME_SIZE, b"\0")
