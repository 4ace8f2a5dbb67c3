"""Ports of the host as elements of the maps of nftables."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping

from firkin.cri.network.embedded.store import Record
from firkin.cri.network.embedded.table import MAPS
from firkin.cri.network.model import PROTOCOLS, PortMapping
from firkin.cri.network.netlink import nftables as nft
from firkin.cri.network.netlink.address import Interface
from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.conntrack import forget_port
from firkin.cri.network.netlink.messages import Message
from firkin.cri.network.netlink.nftables import Element
from firkin.errors import ConfigError, KernelError, NetworkError

__all__ = ["Elements", "Ports", "elements_of"]

Elements = Mapping[tuple[str, bytes], Element]
"""Elements by the name of their map and their key."""

_Maker = Callable[[str, str, Iterable[Element]], Message]

# How many elements are in one request, whose attribute has room for 64 KiB.
_SOME = 200


def elements_of(record: Record) -> dict[tuple[str, bytes], Element]:
    """The elements for the ports of a pod.

    Raises ConfigError if a port is on an address of a kind that the pod has none of, or if two are the same.
    """
    found: dict[tuple[str, bytes], Element] = {}
    for port in record.ports:
        targets = list(_targets(port, record.addresses))
        if not targets:
            raise _wrong(port, "the pod has no address of that kind")
        for name, key, data in targets:
            if (name, key) in found:
                raise _wrong(port, "is asked for twice")
            found[name, key] = Element(key, data, record.id)
    return found


class Ports:
    """The ports of the host that lead to pods. `connection` is of nfnetlink, `table` the name of the table."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = table
        self._owners: dict[tuple[str, bytes], str] = {}

    def know(self, record: Record) -> None:
        """Take a record's ports as in use. Raises ConfigError."""
        self._owners |= dict.fromkeys(elements_of(record), record.id)

    def check(self, record: Record) -> None:
        """See that the ports of a record are free. Raises NetworkError with who has one, ConfigError."""
        for port in record.ports:
            for name, key, _ in _targets(port, record.addresses):
                owner = self._owners.get((name, key), record.id)
                if owner != record.id:
                    raise NetworkError(f"lead host port {port} to sandbox {record.id}: sandbox {owner} has it")
        elements_of(record)

    def lead(self, record: Record) -> None:
        """Lead the ports to the pod; senders of UDP that are led elsewhere, or nowhere, are led anew.

        Raises KernelError; then none is led.
        """
        if not record.ports:
            return
        self.know(record)
        elements = elements_of(record)
        try:
            nft.commit(self._connection, list(self._requests(nft.add_elements, elements)))
        except KernelError as error:
            if error.errno != errno.EEXIST:
                raise
            # No record has them, so nobody will ever take them away.
            self._delete(elements)
            nft.commit(self._connection, list(self._requests(nft.add_elements, elements)))
        self._forget(record)

    def release(self, record: Record) -> None:
        """Lead the ports nowhere; none need be led. Raises KernelError."""
        if not record.ports:
            return
        elements = elements_of(record)
        mine = {key: element for key, element in elements.items() if self._owners.get(key, record.id) == record.id}
        self._delete(mine)
        self._forget(record)
        for key in mine:
            self._owners.pop(key, None)

    def see(self, record: Record) -> None:
        """See that the ports of a record lead to it. Raises NetworkError, KernelError."""
        present = self.present() if record.ports else {}
        for key, element in elements_of(record).items():
            if present.get(key) != element:
                raise NetworkError(f"check host ports of sandbox {record.id}: one does not lead to it")

    def requests(self, records: Iterable[Record]) -> list[Message]:
        """The requests for the ports of all `records`, for a table that has none."""
        elements: dict[tuple[str, bytes], Element] = {}
        for record in records:
            elements |= elements_of(record)
        return list(self._requests(nft.add_elements, elements))

    def present(self) -> dict[tuple[str, bytes], Element]:
        """All elements that nftables has. Raises KernelError (ENOENT) if there is no table."""
        listed = (
            (name, element) for name in MAPS for element in nft.list_elements(self._connection, self._table, name)
        )
        return {(name, element.key): element for name, element in listed}

    def release_unowned(self) -> int:
        """Delete the elements that no record has: how many these were. Raises KernelError."""
        unowned = {key: element for key, element in self.present().items() if key not in self._owners}
        self._delete(unowned)
        return len(unowned)

    def _delete(self, elements: Elements) -> None:
        # A batch is done as a whole or not at all: what is not there is left out, and the rest tried again.
        left = dict(elements)
        while left:
            messages = list(self._requests(nft.delete_elements, left))
            refusals = nft.try_commit(self._connection, messages)
            if not refusals:
                return
            if refusals[0].errno != errno.ENOENT:
                raise KernelError(messages[0].what, refusals[0].errno, hint=refusals[0].text)
            try:
                present = self.present()
            except KernelError as error:
                if error.errno == errno.ENOENT:
                    return
                raise
            left = {key: element for key, element in left.items() if key in present}

    def _requests(self, make: _Maker, elements: Elements) -> Iterator[Message]:
        by_map: dict[str, list[Element]] = {}
        for (name, _), element in elements.items():
            by_map.setdefault(name, []).append(element)
        for name, some in by_map.items():
            for at in range(0, len(some), _SOME):
                yield make(self._table, name, some[at : at + _SOME])

    def _forget(self, record: Record) -> None:
        versions = {address.version for address in record.addresses}
        for port in {port.host_port for port in record.ports if port.protocol == "udp"}:
            for version in versions:
                forget_port(self._connection, version, PROTOCOLS["udp"], port)


def _targets(port: PortMapping, addresses: Iterable[Interface]) -> Iterator[tuple[str, bytes, bytes]]:
    host = ipaddress.ip_address(port.host_ip) if port.host_ip else None
    key = PROTOCOLS[port.protocol].to_bytes(1, "big").ljust(4, b"\0") + _port(port.host_port)
    for address in addresses:
        if host is not None and host.version != address.version:
            continue
        data = address.ip.packed + _port(port.container_port)
        if host is None or host.is_unspecified:
            yield f"ports{address.version}", key, data
        else:
            yield f"bound{address.version}", host.packed + key, data


def _port(number: int) -> bytes:
    return number.to_bytes(2, "big").ljust(4, b"\0")


def _wrong(port: PortMapping, reason: str) -> ConfigError:
    return ConfigError(f"port_mappings {port}", reason, document="pod sandbox")
