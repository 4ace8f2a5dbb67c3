"""Requests of rtnetlink for addresses and routes.

Source: rtnetlink(7), Documentation/netlink/specs/rt-addr.yaml and rt-route.yaml.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import struct
import sys
from typing import NamedTuple

from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.messages import Message, encode, netlink_classes, walk

__all__ = [
    "IPV6_ROUTE_NOTICES",
    "Address",
    "Interface",
    "Network",
    "Route",
    "add_address",
    "add_default_route",
    "delete_address",
    "is_local",
    "list_addresses",
    "list_routes",
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEWADDR, _DELADDR, _GETADDR, _NEWROUTE, _GETROUTE = 20, 21, 22, 24, 26
_CREATE, _EXCLUSIVE, _DUMP = 0x400, 0x200, 0x300
_NODAD = 0x02
_TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_UNIVERSE, _UNICAST, _LOCAL = 254, 3, 0, 1, 2
_ADDRESS_HEADER = struct.Struct("=BBBBI")
_ROUTE_HEADER = struct.Struct("=BBBBBBBBI")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_DESTINATION, _OUT, _METRIC = 1, 4, 6

_ifaddrmsg, _rtmsg = netlink_classes("rtnl.ifaddrmsg", "rtnl.rtmsg")


IPV6_ROUTE_NOTICES = 11
"""The multicast group that tells of routes of IPv6 (RTNLGRP_IPV6_ROUTE)."""


class Route(NamedTuple):
    """A route of the main table: where to, and by which link; the smallest metric is taken."""

    destination: Network
    link: int
    metric: int


def add_address(index: int, address: Interface) -> Message:
    """Give an address to the link with this index; of IPv6 without asking for duplicates, which takes a second."""
    return _address(f"give {address} to a link", _NEWADDR, index, address, _CREATE | _EXCLUSIVE)


def delete_address(index: int, address: Interface) -> Message:
    """Take an address from the link with this index."""
    return _address(f"take {address} from a link", _DELADDR, index, address, 0)


@functools.lru_cache(16)
def add_default_route(index: int, gateway: Address) -> Message:
    """Send what goes to no known network to `gateway`, by the link with this index."""
    data = encode(
        _rtmsg.rtmsg,
        _NEWROUTE,
        _CREATE | _EXCLUSIVE,
        ("RTA_GATEWAY", str(gateway)),
        ("RTA_OIF", index),
        family=_family(gateway.version),
        table=_TABLE_MAIN,
        proto=_PROTOCOL_BOOT,
        scope=_SCOPE_UNIVERSE,
        type=_UNICAST,
    )
    return Message(f"make the default route by {gateway}", data)


def list_addresses(connection: Connection) -> list[tuple[int, Interface]]:
    """All addresses, each with the index of its link. Raises KernelError."""
    message = Message("list addresses", encode(_ifaddrmsg.ifaddrmsg, _GETADDR, _DUMP))
    return [_decode_address(body) for _, body in connection.ask(message)]


def list_routes(connection: Connection, version: int) -> list[Route]:
    """The unicast routes of the main table for IPv4 or IPv6. Raises KernelError."""
    message = Message("list routes", encode(_rtmsg.rtmsg, _GETROUTE, _DUMP, family=_family(version)))
    return [route for _, body in connection.ask(message) if (route := _decode_route(body))]


def is_local(connection: Connection, address: Address) -> bool:
    """Whether packets for an address are taken as packets for oneself. Raises KernelError."""
    data = encode(
        _rtmsg.rtmsg,
        _GETROUTE,
        0,
        ("RTA_DST", str(address)),
        family=_family(address.version),
        dst_len=address.max_prefixlen,
    )
    [(_, body)] = connection.ask(Message(f"find the route to {address}", data))
    return bool(_ROUTE_HEADER.unpack_from(body)[7] == _LOCAL)


def _decode_address(body: bytes) -> tuple[int, Interface]:
    _, length, _, _, index = _ADDRESS_HEADER.unpack_from(body)
    found = dict(walk(body, _ADDRESS_HEADER.size))
    # IFA_ADDRESS is the other end's, where IFA_LOCAL is there too.
    address = ipaddress.ip_address(found.get(_IFA_LOCAL) or found[_IFA_ADDRESS])
    return index, ipaddress.ip_interface((address, length))


def _decode_route(body: bytes) -> Route | None:
    family, length, _, _, table, _, _, kind, _ = _ROUTE_HEADER.unpack_from(body)
    if (table, kind) != (_TABLE_MAIN, _UNICAST):
        return None
    found = dict(walk(body, _ROUTE_HEADER.size))
    zero = bytes(4 if family == socket.AF_INET else 16)
    network = ipaddress.ip_network((found.get(_DESTINATION, zero), length))
    return Route(network, _number(found.get(_OUT)), _number(found.get(_METRIC)))


def _address(what: str, kind: int, index: int, address: Interface, flags: int) -> Message:
    data = encode(
        _ifaddrmsg.ifaddrmsg,
        kind,
        flags,
        ("IFA_LOCAL", str(address.ip)),
        ("IFA_ADDRESS", str(address.ip)),
        family=_family(address.version),
        prefixlen=address.network.prefixlen,
        flags=_NODAD if address.version == 6 else 0,
        index=index,
    )
    return Message(what, data)


def _family(version: int) -> int:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _number(payload: bytes | None) -> int:
    return int.from_bytes(payload or b"", sys.byteorder)
