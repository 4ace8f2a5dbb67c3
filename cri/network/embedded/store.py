"""The records of attached pods: what each was given, written before it is used.

    STATE/pods/ID.json    one record
    STATE/ranges.json     the ranges that the kubelet gave
    STATE/lock            held by the process that the directory belongs to

The directory is one that a boot empties, as it empties the kernel; so nothing is flushed to a disk.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
from dataclasses import dataclass
from typing import Any

from firkin.cri.network.files import write_atomically
from firkin.cri.network.model import PortMapping
from firkin.cri.network.netlink.address import Interface
from firkin.errors import ConfigError, NetworkError
from firkin.oci.json_text import dump, parse

__all__ = ["Record", "Store"]


@dataclass(frozen=True, slots=True)
class Record:
    """What one pod was given: addresses with the prefix of their range, the name of the link on the host."""

    id: str
    netns: str
    link: str
    mac: str
    addresses: tuple[Interface, ...]
    ports: tuple[PortMapping, ...] = ()


class Store:
    """The directory `path`, made if it is not there, and locked until `close`.

    Raises NetworkError if another process has it, OSError.
    """

    def __init__(self, path: str) -> None:
        self._pods = f"{path}/pods"
        self._ranges = f"{path}/ranges.json"
        os.makedirs(self._pods, mode=0o700, exist_ok=True)
        self._lock = os.open(f"{path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise NetworkError(f"lock {path}: another process has it", hint="does firkin cri run twice?") from None

    def close(self) -> None:
        """Give the directory up."""
        os.close(self._lock)

    def load(self) -> tuple[dict[str, Record], list[str]]:
        """All records by sandbox id, and what is wrong with files that are none: these are left as they are."""
        records, faults = {}, []
        for name in sorted(os.listdir(self._pods)):
            path = f"{self._pods}/{name}"
            if not name.endswith(".json"):
                # What a write left that was cut.
                os.unlink(path)
                continue
            try:
                record = _decode(_read(path), path)
            except ConfigError as error:
                faults.append(str(error))
            else:
                records[record.id] = record
        return records, faults

    def save(self, record: Record) -> None:
        """Write a record. Raises OSError."""
        ports = [[p.protocol, p.container_port, p.host_port, p.host_ip] for p in record.ports]
        addresses = [str(address) for address in record.addresses]
        document = {"id": record.id, "netns": record.netns, "link": record.link, "mac": record.mac}
        write_atomically(self._path(record.id), dump(document | {"addresses": addresses, "ports": ports}))

    def remove(self, sandbox: str) -> None:
        """Remove the record of a sandbox, if there is one. Raises OSError."""
        try:
            os.unlink(self._path(sandbox))
        except FileNotFoundError:
            pass

    def load_ranges(self) -> tuple[str, ...]:
        """The ranges that were saved, none if there are none. Raises ConfigError, OSError."""
        try:
            found = parse(_read(self._ranges), self._ranges)
        except FileNotFoundError:
            return ()
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise ConfigError("", "is not a list of ranges", document=self._ranges)
        return tuple(found)

    def save_ranges(self, ranges: tuple[str, ...]) -> None:
        """Write the ranges. Raises OSError."""
        write_atomically(self._ranges, dump(ranges))

    def _path(self, sandbox: str) -> str:
        return f"{self._pods}/{sandbox}.json"


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _decode(data: bytes, path: str) -> Record:
    found: Any = parse(data, path)
    try:
        addresses = tuple(ipaddress.ip_interface(text) for text in found["addresses"])
        ports = tuple(PortMapping(*port) for port in found["ports"])
        sandbox, netns, link, mac = (str(found[name]) for name in ("id", "netns", "link", "mac"))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("", f"is no record of a pod's network: {error!r}", document=path) from None
    return Record(sandbox, netns, link, mac, addresses, ports)
