"""What a plug-in says that it made.

Source: CNI specification, section 5, "Result Types"; of 0.4.0 and 0.2.0 for the older forms.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from firkin.cri.network.cni.version import is_at_least
from firkin.cri.network.model import Dns, PodNetwork
from firkin.errors import ConfigError, NetworkError
from firkin.oci.json_text import parse

__all__ = ["parse_result", "pod_network"]


def parse_result(output: bytes, what: str) -> dict[str, Any]:
    """The result that a plug-in printed. `what` is the call, for errors. Raises NetworkError if it is none."""
    try:
        document = parse(output, "")
    except ConfigError as error:
        raise NetworkError(f"{what}: prints no result: {error.reason}") from None
    if not isinstance(document, dict):
        raise NetworkError(f"{what}: prints no result: it is no object")
    return document


def pod_network(result: Mapping[str, Any], version: str, interface: str, name: str) -> PodNetwork:
    """A pod's place in the network `name`, of the last result, which is of that version.

    Raises NetworkError if the result is malformed or gives the pod no address.
    """
    try:
        links = _interfaces(result)
        addresses = list(_addresses(result, version, links, interface))
        macs = [link.get("mac", "") for link in links if link.get("sandbox") and link.get("name") == interface]
        dns = _dns(result.get("dns") or {})
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise NetworkError(f"CNI network {name}: the result is malformed: {error}") from None
    if not addresses:
        raise NetworkError(f"CNI network {name}: the result gives {interface} of the pod no address")
    return PodNetwork(tuple(addresses), interface, str(macs[0]) if macs else "", name, dns)


def _interfaces(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [dict(link) for link in result.get("interfaces") or ()]


def _addresses(
    result: Mapping[str, Any], version: str, links: list[Mapping[str, Any]], interface: str
) -> Iterator[str]:
    if not is_at_least(version, "0.3.0"):
        for key in ("ip4", "ip6"):
            if part := result.get(key):
                yield str(ipaddress.ip_interface(part["ip"]).ip)
        return
    for entry in result.get("ips") or ():
        address, index = str(ipaddress.ip_interface(entry["address"]).ip), entry.get("interface")
        if index is not None and not 0 <= index < len(links):
            raise IndexError(f"there is no interface {index}")
        if index is None or (links[index].get("sandbox") and links[index].get("name") == interface):
            yield address


def _dns(document: Mapping[str, Any]) -> Dns:
    search = document.get("search") or ([document["domain"]] if document.get("domain") else [])
    servers, options = document.get("nameservers") or (), document.get("options") or ()
    return Dns(*(tuple(str(text) for text in texts) for texts in (servers, search, options)))
