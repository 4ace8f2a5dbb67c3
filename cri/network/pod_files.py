"""Files of a pod that tell who it is and how it finds others: /etc/hosts, /etc/resolv.conf, /etc/hostname.

Source: hosts(5), resolv.conf(5), hostname(5); the CRI's DNSConfig.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firkin.cri.network.model import Dns

__all__ = ["hostname", "hosts", "resolv_conf"]

_LOCAL = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def hosts(name: str, ips: Sequence[str], aliases: Iterable[tuple[str, Sequence[str]]] = ()) -> str:
    """The text of /etc/hosts: the pod's name with its addresses, and more addresses with their names."""
    lines = [f"{ip}\t{name}\n" for ip in ips if name]
    lines += [f"{ip}\t{' '.join(names)}\n" for ip, names in aliases]
    return _LOCAL + "".join(lines)


def resolv_conf(dns: Dns, of_host: str) -> str:
    """The text of /etc/resolv.conf: the host's as it is if the pod has no wishes."""
    if dns == Dns():
        return of_host
    lines = [f"search {' '.join(dns.searches)}\n"] if dns.searches else []
    lines += [f"nameserver {server}\n" for server in dns.servers]
    lines += [f"options {' '.join(dns.options)}\n"] if dns.options else []
    return "".join(lines)


def hostname(name: str) -> str:
    """The text of /etc/hostname."""
    return f"{name}\n"
