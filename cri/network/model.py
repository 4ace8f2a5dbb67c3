"""What the CRI server and the networks tell each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from firkin.errors import ConfigError

__all__ = ["INTERFACE", "PROTOCOLS", "Bandwidth", "Dns", "PodNetwork", "PortMapping", "Sandbox", "Status"]

INTERFACE: Final = "eth0"
"""The name of a pod's link, on which Kubernetes counts."""

PROTOCOLS: Final[Mapping[str, int]] = {"tcp": 6, "udp": 17, "sctp": 132}
"""The numbers of the transport protocols that have ports."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port of the host that leads to one of the pod; `host_ip` is the address it is on, "" for all.

    Raises ConfigError for what is no port, protocol or address.
    """

    protocol: str
    container_port: int
    host_port: int
    host_ip: str = ""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise _wrong("port_mappings", f"protocol {self.protocol!r} is none of {', '.join(PROTOCOLS)}")
        for port in (self.container_port, self.host_port):
            if not 0 < port < 1 << 16:
                raise _wrong("port_mappings", f"{port} is not a port from 1 to 65535")
        if self.host_ip:
            try:
                ipaddress.ip_address(self.host_ip)
            except ValueError:
                raise _wrong("port_mappings", f"host_ip {self.host_ip!r} is not an IP address") from None

    def __str__(self) -> str:
        where = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        return f"{where}:{self.host_port}/{self.protocol}".lstrip(":")


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Limits of a pod's traffic in bits per second, as the pod sees it; 0 is none."""

    ingress: int = 0
    egress: int = 0


@dataclass(frozen=True, slots=True)
class Dns:
    """How names are resolved: resolv.conf(5) by parts."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A pod that is to be in a network.

    Parameters: `id` is the sandbox's; `netns` the path where its network namespace is pinned; `namespace`, `name` and
    `uid` are those of Kubernetes; `ports` those with a port of the host; `annotations` and `cgroup_parent` are for
    CNI plug-ins that want them; `ips` and `mac` are wishes that only CNI plug-ins may fulfil.
    Raises ConfigError for an id that can not be one.
    """

    id: str
    netns: str
    namespace: str = ""
    name: str = ""
    uid: str = ""
    ports: tuple[PortMapping, ...] = ()
    bandwidth: Bandwidth = Bandwidth()
    dns: Dns = Dns()
    aliases: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    mac: str = ""
    cgroup_parent: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.id):
            raise _wrong("id", f"{self.id!r} is not an identifier of letters, digits, '_', '.' and '-'")


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """A pod's place in its network: the addresses of `interface`, the pod's own first; `name` is the network's."""

    ips: tuple[str, ...]
    interface: str
    mac: str
    name: str
    dns: Dns = Dns()


@dataclass(frozen=True, slots=True)
class Status:
    """Whether pods can be attached: the condition NetworkReady of the CRI, with `reason` in one word and in one line.

    `source` is the file of the network's configuration, "" for the built-in network.
    """

    ready: bool
    reason: str = ""
    message: str = ""
    source: str = ""


def _wrong(place: str, reason: str) -> ConfigError:
    return ConfigError(place, reason, document="pod sandbox")
