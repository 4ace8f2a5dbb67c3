"""Which addresses are given to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from firkin.cri.network.netlink.address import Address, Interface, Network
from firkin.errors import NetworkError

__all__ = ["Leases", "gateway"]


def gateway(network: Network) -> Interface:
    """The first address of a range: the bridge's, by which the pods reach everything else."""
    return ipaddress.ip_interface((network.network_address + 1, network.prefixlen))


class Leases:
    """The addresses in use, and those that are next in each of `ranges`.

    An address is given again as late as possible: who remembers the pod that had it meets none, rather than another.
    """

    def __init__(self, ranges: Iterable[Network]) -> None:
        self.ranges = tuple(ranges)
        self._used: set[Address] = set()
        self._last: dict[Network, int] = {}

    def take(self) -> tuple[Interface, ...]:
        """One address of each range. Raises NetworkError if a range has none left; then none is taken."""
        found = tuple(self._next(network) for network in self.ranges)
        for address in found:
            self._used.add(address.ip)
            self._last[address.network] = int(address.ip)
        return found

    def hold(self, addresses: Iterable[Interface]) -> None:
        """Take these addresses, which may be of former ranges."""
        for address in addresses:
            self._used.add(address.ip)
            self._last[address.network] = max(self._last.get(address.network, 0), int(address.ip))

    def free(self, addresses: Iterable[Interface]) -> None:
        """Give addresses back."""
        self._used.difference_update(address.ip for address in addresses)

    def _next(self, network: Network) -> Interface:
        # Without the network itself, the gateway, and the broadcast address of IPv4.
        first = int(network.network_address) + 2
        end = int(network.broadcast_address) + (network.version == 6)
        start = max(first, self._last.get(network, 0) + 1)
        make = type(network.network_address)
        for numbers in (range(start, end), range(first, min(start, end))):
            for number in numbers:
                if (address := make(number)) not in self._used:
                    return ipaddress.ip_interface((address, network.prefixlen))
        raise NetworkError(f"take an address of {network}: all are in use", transient=True)
