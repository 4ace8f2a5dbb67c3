"""A pod's link: a veth pair between its network namespace and the bridge.

The pod's half is made in the pod's namespace at once. The host's half becomes a port when the other is up, so that it
forwards from the first packet on.
"""

from __future__ import annotations

import errno
import hashlib
import select
import time
from collections.abc import Callable, Sequence
from functools import partial

from firkin.cri.network.embedded import settings
from firkin.cri.network.embedded.leases import gateway
from firkin.cri.network.embedded.store import Record
from firkin.cri.network.model import INTERFACE, Bandwidth
from firkin.cri.network.netlink import address, link
from firkin.cri.network.netlink.address import Interface
from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.link import Link
from firkin.cri.network.netlink.namespace import entered
from firkin.cri.network.netlink.shaping import limit_rate
from firkin.errors import KernelError, NetworkError

__all__ = [
    "GROUP",
    "PREFIX",
    "TRASH",
    "PodLink",
    "check_link",
    "connect",
    "link_name",
    "mac_address",
    "remove_link",
    "retire",
]

PREFIX = "fk"
"""What the names of links of pods begin with."""

GROUP = 0x66_6B_00_00
"""The group of the links of pods on the host."""

TRASH = 0x66_6B_00_01
"""The group of links that are to be deleted."""

_LOOPBACK = 1
_ROUTE = 0
_PATIENCE = 2.0


def link_name(sandbox: str) -> str:
    """The name of the host's half, at most 15 bytes; its alias is the sandbox's whole id."""
    return PREFIX + hashlib.blake2s(sandbox.encode(), digest_size=6).hexdigest()


def mac_address(addresses: Sequence[Interface]) -> str:
    """The address of the pod's link: who remembers it for an IP address stays right when another pod gets that."""
    first = addresses[0].ip.packed
    tail = first if len(first) == 4 else hashlib.blake2s(first, digest_size=4).digest()
    return (b"\x02\xfb" + tail).hex(":")


class PodLink:
    """The pair of one pod, while it is made.

    Parameters: `host` is rtnetlink's connection in the host's network namespace, `home` that namespace, `pod` the
    pod's. Close it. Raises KernelError.
    """

    def __init__(self, host: Connection, home: int, pod: int, record: Record) -> None:
        self._host, self._home, self._pod, self._record = host, home, pod, record
        with entered(pod, home):
            # A socket stays in the namespace that it was made in.
            self._inside = Connection(_ROUTE)

    def close(self) -> None:
        """Let go of the pod's namespace."""
        self._inside.close()

    def make(self, mtu: int) -> None:
        """Make the pair, and give the pod's half its addresses and routes. Raises KernelError."""
        addresses = self._record.addresses
        with entered(self._pod, self._home):
            self._make_pair(mtu)
            settings.settle_pod(INTERFACE, wants_ipv6=any(address.version == 6 for address in addresses))
        index = link.find_link(self._inside, INTERFACE).index
        messages = [link.set_up(_LOOPBACK), link.set_up(index)]
        messages += [address.add_address(index, interface) for interface in addresses]
        messages += [address.add_default_route(index, gateway(i.network).ip) for i in addresses]
        self._inside.do(*messages)

    def connect(self, bridge: Link) -> None:
        """Make the host's half a port of the bridge, through which packets go when this returns. Raises KernelError."""
        settings.settle_port(self._record.link)
        connect(self._host, self._record, bridge.index)
        self._await_readiness(bridge.name)

    def limit(self, bandwidth: Bandwidth) -> None:
        """Limit what the pod receives and sends. Raises KernelError."""
        ends = ((self._host, self._record.link, bandwidth.ingress), (self._inside, INTERFACE, bandwidth.egress))
        for connection, name, bits in ends:
            if bits:
                self._limit(connection, name, bits)

    def _limit(self, connection: Connection, name: str, bits: int) -> None:
        try:
            connection.do(limit_rate(link.find_link(connection, name).index, bits))
        except KernelError as error:
            if error.errno == errno.ENOENT:
                error.hint = "the kernel has no sch_tbf"
            raise

    def _await_readiness(self, bridge: str) -> None:
        # What a link sends, or a port forwards, is lost until the kernel's link watch has seen the carrier; then it is
        # sent again a second later. Since Linux 6.8 asking for the link lets it look. The bridge has a carrier since
        # it has a port.
        ends = ((self._host, self._home, self._record.link), (self._host, self._home, bridge),
                (self._inside, self._pod, INTERFACE))  # fmt: skip
        for connection, namespace, name in ends:
            _await(partial(_is_operational, connection, name), link.LINK_NOTICES, namespace, self._home)
        for interface in self._record.addresses:
            if interface.version == 6:
                # It is given by the kernel's work queue.
                is_there = partial(address.is_local, self._inside, interface.ip)
                _await(is_there, address.IPV6_ROUTE_NOTICES, self._pod, self._home)

    def _make_pair(self, mtu: int) -> None:
        record = self._record
        try:
            self._host.do(link.new_veth(record.link, GROUP, self._pod, INTERFACE, record.mac, mtu))
        except KernelError as error:
            if error.errno == errno.EEXIST:
                error.hint = f"is there {INTERFACE} in the network namespace already?"
            raise


def connect(host: Connection, record: Record, bridge: int) -> None:
    """Make the host's half of a pair a port of the bridge with that index. Raises KernelError."""
    try:
        host.do(*link.set_port(record.link, bridge, record.id))
    except KernelError as error:
        if error.errno == errno.EXFULL:
            error.hint = "a bridge has at most 1023 ports"
        raise


def _is_operational(connection: Connection, name: str) -> bool:
    return link.find_link(connection, name).is_operational


def _await(is_there: Callable[[], bool], group: int, namespace: int, home: int) -> None:
    # Until it is there, or for as long as it is worth to wait: what comes later is slow, not wrong.
    if is_there():
        return
    with entered(namespace, home):
        notices = Connection(_ROUTE, group)
    with notices:
        end = time.monotonic() + _PATIENCE
        while not is_there():
            if not select.select([notices], [], [], max(0.0, end - time.monotonic()))[0]:
                return
            for _ in notices.notices():
                pass


def remove_link(host: Connection, name: str) -> None:
    """Delete a link, if it is there. Raises KernelError."""
    host.do(link.delete_link(name), ignore={errno.ENODEV})


def retire(host: Connection, name: str) -> None:
    """Cut a link off at once, if it is there, to be deleted with all of TRASH. Raises KernelError.

    To delete a link the kernel waits for others' readers, for 10 to 20 ms, in which nothing else can be done to any
    link; to delete many takes as long.
    """
    try:
        index = link.find_link(host, name).index
    except KernelError as error:
        if error.errno == errno.ENODEV:
            return
        raise
    # EOPNOTSUPP: it is no port; ENETDOWN: it is not up, so it is silent.
    host.do(*link.retire_port(name, index, TRASH), ignore={errno.ENODEV, errno.EOPNOTSUPP, errno.ENETDOWN})


def check_link(host: Connection, pod: int, home: int, record: Record, bridge: int) -> None:
    """See that the link and the pod's addresses are there. Raises NetworkError, KernelError."""
    found = link.find_link(host, record.link)
    if found.master != bridge or not found.is_up:
        raise NetworkError(f"check link {record.link}: is no port of the bridge, or not up")
    with entered(pod, home):
        inside = Connection(_ROUTE)
    with inside:
        index = link.find_link(inside, INTERFACE).index
        here = {interface for at, interface in address.list_addresses(inside) if at == index}
    for interface in record.addresses:
        if interface not in here:
            raise NetworkError(f"check {INTERFACE} of sandbox {record.id}: has no address {interface}")
