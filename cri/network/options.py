"""What the administrator decides about networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from firkin.errors import ConfigError

__all__ = ["DEFAULT_RANGES", "Network", "Options", "parse_networks", "parse_ranges"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_RANGES = ("10.66.0.0/16", "fd66:6972:6b69:6e00::/64")
"""Where pods get their addresses from if neither the configuration nor the kubelet says it."""

_MOST_PREFIX = {4: 30, 6: 126}


@dataclass(frozen=True, slots=True)
class Options:
    """Where things are, and how long a plug-in may take.

    Parameters: `cni_configurations` is the directory of network configurations, `cni_plugins` those of the programs,
    `cni_cache` the directory of libcni, whose `results` tell other programs about attachments; `state` is for the
    built-in network: it must not outlive a boot; `ranges` are the pods' addresses, one range of IPv4, of IPv6, or of
    both; `direct` are networks that know the way to pods, so that these reach them with their own address; `bridge`
    and `table` (of nftables) are what is made; `mtu` 0 means that of the link with the default route;
    `plugin_timeout` is in seconds.
    """

    cni_configurations: str = "/etc/cni/net.d"
    cni_plugins: tuple[str, ...] = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
    cni_cache: str = "/var/lib/cni"
    state: str = "/run/firkin/network"
    ranges: tuple[str, ...] = DEFAULT_RANGES
    direct: tuple[str, ...] = ()
    bridge: str = "firkin0"
    table: str = "firkin"
    mtu: int = 0
    plugin_timeout: float = 60.0


def parse_networks(texts: Iterable[str], what: str) -> tuple[Network, ...]:
    """Networks of IPv4 and IPv6. `what` names the place in errors. Raises ConfigError."""
    try:
        return tuple(ipaddress.ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise ConfigError(what, str(error), document="network") from None


def parse_ranges(texts: Iterable[str], what: str) -> tuple[Network, ...]:
    """One network of IPv4, of IPv6, or of both, in the order of the pods' addresses.

    Parameters: `what` names the place in errors. Raises ConfigError if there is none, two of a kind, or one that
    has no room for a gateway and a pod.
    """
    found: dict[int, Network] = {}
    for network in parse_networks(texts, what):
        if network.prefixlen > _MOST_PREFIX[network.version]:
            raise ConfigError(what, f"{network} is too small", document="network")
        if network.version in found:
            raise ConfigError(what, f"has two ranges of IPv{network.version}", document="network")
        found[network.version] = network
    if not found:
        raise ConfigError(what, "has no range of addresses", document="network")
    return tuple(found.values())
