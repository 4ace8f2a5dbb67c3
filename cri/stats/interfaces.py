"""The traffic of a pod, counted by its interfaces. Source: rtnetlink(7), include/uapi/linux/if_link.h."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firkin.cri.api.stats_pb2 import NetworkInterfaceUsage, NetworkUsage
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.cri.records.sandbox import SandboxFacts
from firkin.cri.streaming.dialer import socket_in
from firkin.errors import KernelError

__all__ = ["Interface", "interfaces_of", "network_usage"]

_MAIN, _LOOPBACK = "eth0", "lo"
_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
# The begin of struct rtnl_link_stats64: packets, bytes, errors and drops, each received and sent.
_COUNTERS = struct.Struct("=8Q")
_GETLINK, _DUMP_REQUEST = 18, 0x301
_ERROR, _DONE, _NEWLINK = 2, 3, 16
_LINK_SIZE = 16
_NAME, _STATS = 3, 23
_ROOM = 1 << 16
# Where a namespace was pinned there is nothing, or a file that is no namespace.
_GONE = (errno.ENOENT, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Interface:
    """The traffic of one interface since it was made."""

    name: str
    received_packets: int
    sent_packets: int
    received_bytes: int
    sent_bytes: int
    receive_errors: int
    send_errors: int
    receive_drops: int
    send_drops: int


def interfaces_of(facts: SandboxFacts) -> list[Interface]:
    """All but the loopback; none for a pod on the host's network, or whose network is gone. Raises KernelError."""
    if "network" not in facts.namespaces:
        return []
    try:
        return list(_interfaces(facts.namespaces["network"]))
    except KernelError as error:
        if error.errno in _GONE:
            return []
        raise


def network_usage(interfaces: Iterable[Interface]) -> NetworkUsage:
    """Their traffic in CRI's terms."""
    found = [
        NetworkInterfaceUsage(
            name=one.name,
            rx_bytes=UInt64Value(value=one.received_bytes),
            rx_errors=UInt64Value(value=one.receive_errors),
            tx_bytes=UInt64Value(value=one.sent_bytes),
            tx_errors=UInt64Value(value=one.send_errors),
        )
        for one in interfaces
    ]
    main = next((one for one in found if one.name == _MAIN), None)
    return NetworkUsage(timestamp=time.time_ns(), default_interface=main, interfaces=found)


def _interfaces(netns: str) -> Iterator[Interface]:
    for message in _dump(netns):
        attributes = dict(_walk(message, _LINK_SIZE))
        name = attributes.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
        if name != _LOOPBACK and _STATS in attributes:
            yield Interface(name, *_COUNTERS.unpack_from(attributes[_STATS]))


def _dump(netns: str) -> Iterator[bytes]:
    # The bodies of all links of a namespace.
    try:
        fd = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"open {netns}", error.errno or 0) from error
    try:
        route = socket_in(fd, socket.AF_NETLINK, socket.SOCK_RAW)
    finally:
        os.close(fd)
    with route:
        # The kernel answers at once; a dump is made as it is read.
        route.setblocking(True)
        route.send(_HEADER.pack(_HEADER.size + _LINK_SIZE, _GETLINK, _DUMP_REQUEST, 1, 0) + bytes(_LINK_SIZE))
        while True:
            data, offset = route.recv(_ROOM), 0
            while offset + _HEADER.size <= len(data):
                size, kind, *_ = _HEADER.unpack_from(data, offset)
                body = data[offset + _HEADER.size : offset + size]
                if kind == _ERROR:
                    raise KernelError(f"list the interfaces of {netns}", -struct.unpack_from("=i", body)[0])
                if kind == _DONE:
                    return
                if kind == _NEWLINK:
                    yield body
                offset += size + 3 & ~3


def _walk(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        yield kind, data[offset + _ATTRIBUTE.size : offset + size]
        offset += max(size, _ATTRIBUTE.size) + 3 & ~3
