"""The bridge that pods are ports of, and its addresses: their gateways."""

from __future__ import annotations

import errno
import hashlib
import ipaddress
from collections.abc import Iterable, Sequence

from firkin.cri.network.embedded import settings
from firkin.cri.network.embedded.leases import gateway
from firkin.cri.network.netlink import address, link
from firkin.cri.network.netlink.address import Network
from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.link import Link
from firkin.errors import KernelError, NetworkError

__all__ = ["check_ranges", "make_bridge", "settle_gateways", "usual_mtu"]

_ETHERNET_MTU = 1500
# What the kernel would give itself is not there before the first pod is, and pods are asked for from this address.
_LINK_LOCAL = ipaddress.ip_interface("fe80::1/64")


def make_bridge(connection: Connection, name: str, mtu: int) -> Link:
    """The bridge, which is made unless it is there. Raises KernelError, NetworkError."""
    try:
        found = link.find_link(connection, name)
    except KernelError as error:
        if error.errno != errno.ENODEV:
            raise
        connection.do(link.new_bridge(name, _mac(name), mtu or usual_mtu(connection)))
        found = link.find_link(connection, name)
    if found.kind != "bridge":
        raise NetworkError(f"use link {name} as bridge: it is none", hint="give the bridge another name")
    if not found.is_up:
        connection.do(link.set_up(found.index))
    settings.settle_bridge(name)
    return found


def settle_gateways(connection: Connection, index: int, ranges: Iterable[Network], former: Iterable[Network]) -> None:
    """Give the bridge the gateways of `ranges`, and take those of `former`. Raises KernelError."""
    here = {interface for at, interface in address.list_addresses(connection) if at == index}
    wanted = {gateway(network) for network in ranges}
    if any(interface.version == 6 for interface in wanted):
        wanted.add(_LINK_LOCAL)
    stale = ({gateway(network) for network in former} - wanted) & here
    messages = [address.delete_address(index, interface) for interface in stale]
    messages += [address.add_address(index, interface) for interface in sorted(wanted - here, key=str)]
    if messages:
        connection.do(*messages)


def check_ranges(connection: Connection, bridge: int, ranges: Sequence[Network]) -> None:
    """See that no other link has an address in `ranges`, nor a route to a part of them.

    A route to more than a range is none of our business: the range is more specific. Raises NetworkError.
    """
    names = {found.index: found.name for found in link.list_links(connection)}
    for at, interface in address.list_addresses(connection):
        for network in ranges:
            if at != bridge and interface.version == network.version and interface.ip in network:
                raise _taken(network, f"{names.get(at, at)} has the address {interface}")
    for network in ranges:
        for route in address.list_routes(connection, network.version):
            if route.link != bridge and route.destination.subnet_of(network):  # type: ignore[arg-type]
                raise _taken(network, f"{names.get(route.link, route.link)} leads to {route.destination}")


def usual_mtu(connection: Connection) -> int:
    """The MTU of the link that the default route uses, 1500 if there is none. Raises KernelError."""
    routes = [route for version in (4, 6) for route in address.list_routes(connection, version)]
    defaults = sorted(
        (route for route in routes if not route.destination.prefixlen and route.link), key=lambda route: route.metric
    )
    if not defaults:
        return _ETHERNET_MTU
    return next(found.mtu for found in link.list_links(connection) if found.index == defaults[0].link)


def _taken(network: Network, reason: str) -> NetworkError:
    return NetworkError(f"give addresses of {network} to pods: {reason}", hint="configure another range for pods")


def _mac(name: str) -> str:
    # Locally administered, unicast, and the same each time: pods remember it.
    return bytes([0x02, *hashlib.blake2s(name.encode(), digest_size=5).digest()]).hex(":")
