"""The table `inet firkin` of nftables: what pods send out is masqueraded, and ports of the host lead to pods.

    set  pods4, pods6      the ranges of the pods
    set  direct4, direct6  the networks that pods reach with their own address: the ranges, and those configured so
    map  ports4, ports6    protocol . port            -> pod's address . port, on every address of the host
    map  bound4, bound6    address . protocol . port  -> pod's address . port, on one address
    chain guard            drops what pods send to 127.0.0.0/8, or from there
    chain incoming, local  lead what is for an address of the host, from outside or from itself, to `ports`
    chain ports            looks the port up and changes the destination
    chain outgoing         masquerades

Other tables are not touched, and an other table's rules apply beside these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from firkin.cri.network.netlink import expressions as on
from firkin.cri.network.netlink import nftables as nft
from firkin.cri.network.netlink.address import Network
from firkin.cri.network.netlink.expressions import Expression
from firkin.cri.network.netlink.messages import Message
from firkin.cri.network.netlink.nftables import Element, Hook, Kind

__all__ = ["MAPS", "NatTable"]

_VERSIONS = (4, 6)
MAPS = ("ports4", "ports6", "bound4", "bound6")
"""The maps whose elements are ports of the host."""

_ADDRESS = {4: Kind(7, 4), 6: Kind(8, 16)}
_PROTOCOL, _PORT = Kind(12, 1), Kind(13, 2)
_PREROUTING, _OUTPUT, _POSTROUTING = 0, 3, 4
_RAW, _DSTNAT, _SRCNAT = -300, -100, 100
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_MULTICAST = {4: ipaddress.ip_network("224.0.0.0/4"), 6: ipaddress.ip_network("ff00::/8")}


class NatTable:
    """The requests for the table `name`, for pods behind `bridge`."""

    def __init__(self, name: str, bridge: str) -> None:
        self._name = name
        self._bridge = bridge

    def make(self) -> list[Message]:
        """The whole table without elements, instead of the one that is there."""
        name = self._name
        messages = [nft.add_table(name), nft.delete_table(name), nft.add_table(name)]
        for version in _VERSIONS:
            messages += self._sets(version)
        messages += [
            nft.add_chain(name, "guard", Hook("filter", _PREROUTING, _RAW)),
            nft.add_chain(name, "incoming", Hook("nat", _PREROUTING, _DSTNAT)),
            nft.add_chain(name, "local", Hook("nat", _OUTPUT, _DSTNAT)),
            nft.add_chain(name, "outgoing", Hook("nat", _POSTROUTING, _SRCNAT)),
            nft.add_chain(name, "ports"),
        ]
        return messages + [nft.add_rule(name, chain, rule) for chain, rule in _rules(self._bridge)]

    def fill(self, pods: Iterable[Network], direct: Iterable[Network]) -> list[Message]:
        """Make `pods` the ranges of the pods, and these and `direct` what they reach with their own address."""
        pods, messages = tuple(pods), []
        for kind, networks in (("pods", pods), ("direct", (*pods, *direct))):
            for version in _VERSIONS:
                name = f"{kind}{version}"
                elements = list(_intervals(network for network in networks if network.version == version))
                messages.append(nft.flush_set(self._name, name))
                messages += [nft.add_elements(self._name, name, elements)] if elements else []
        return messages

    def _sets(self, version: int) -> list[Message]:
        # The numbers tell them apart in the batch.
        name, address = self._name, _ADDRESS[version]
        port, target = _PROTOCOL & _PORT, address & _PORT
        return [
            nft.add_set(name, f"pods{version}", address, 10 * version + 1),
            nft.add_set(name, f"direct{version}", address, 10 * version + 2),
            nft.add_map(name, f"ports{version}", port, target, 10 * version + 3),
            nft.add_map(name, f"bound{version}", address & _PROTOCOL & _PORT, target, 10 * version + 4),
        ]


def _rules(bridge: str) -> Iterator[tuple[str, Sequence[Expression]]]:
    from_pods = on.from_interface(bridge)
    for which in ("source", "destination"):
        yield "guard", [*from_pods, *on.is_ipv(4), *_in(_LOOPBACK, which), *on.drop()]
    for chain in ("incoming", "local"):
        yield chain, [*on.destination_is_local(), *on.jump("ports")]
    for version in _VERSIONS:
        yield from (("ports", rule) for rule in _port_rules(version))
        yield from (("outgoing", rule) for rule in _masquerade_rules(version, bridge))


def _port_rules(version: int) -> Iterator[Sequence[Expression]]:
    size = _ADDRESS[version].length // 4
    act = on.dnat(version, 0, size)
    address = on.load_address(version, "destination")
    key = [*address, *on.load_protocol(size), *on.load_port(size + 1)]
    yield [*on.is_ipv(version), *key, *on.look_up(f"bound{version}", into=0), *act]
    yield [*on.is_ipv(version), *on.load_protocol(0), *on.load_port(1), *on.look_up(f"ports{version}", into=0), *act]


def _masquerade_rules(version: int, bridge: str) -> Iterator[Sequence[Expression]]:
    led_to_pod = [*on.to_interface(bridge), *on.is_destination_translated(), *on.is_ipv(version)]
    is_pod = [*on.load_address(version, "source"), *on.look_up(f"pods{version}")]
    # The answer to a pod would go to it past the host, with a source that it does not know.
    yield [*led_to_pod, *is_pod, *on.masquerade()]
    if version == 4:
        yield [*led_to_pod, *_in(_LOOPBACK, "source"), *on.masquerade()]
    direct = [*on.load_address(version, "destination"), *on.look_up(f"direct{version}", negated=True)]
    multicast = _in(_MULTICAST[version], "destination", negated=True)
    yield [*on.is_ipv(version), *is_pod, *direct, *multicast, *on.masquerade()]


def _in(network: Network, which: str, *, negated: bool = False) -> list[Expression]:
    address, mask = network.network_address.packed, network.netmask.packed
    return on.address_in(network.version, which, address, mask, negated=negated)


def _intervals(networks: Iterable[Network]) -> Iterator[Element]:
    for network in ipaddress.collapse_addresses(networks):  # type: ignore[type-var]
        yield Element(network.network_address.packed)
        after = int(network.broadcast_address) + 1
        # An interval up to the last address has no end.
        if after < 1 << network.max_prefixlen:
            yield Element(after.to_bytes(len(network.network_address.packed), "big"), is_end=True)
