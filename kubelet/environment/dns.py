"""How a pod resolves names: dnsPolicy and dnsConfig (core/v1), within the limits of resolvers.

Source: "DNS for Services and Pods" of the Kubernetes documentation; resolv.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firkin.cri.api.pod_pb2 import DNSConfig
from firkin.kubelet.api.pod import Pod, PodDNSConfig

__all__ = ["NodeDns", "PodDns", "dns_config", "parse_resolv_conf"]

_MOST_SERVERS = 3
_MOST_SEARCHES = 32
_LONGEST_SEARCH = 253
_LONGEST_SEARCH_LINE = 2048
_CLUSTER_OPTIONS = ("ndots:5",)


@dataclass(frozen=True, slots=True)
class NodeDns:
    """`servers`, `searches` and `options` are the node's own, `cluster_servers` and `cluster_domain` those of a DNS
    for pods; without such servers ClusterFirst falls back to Default."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    cluster_servers: tuple[str, ...] = ()
    cluster_domain: str = ""


@dataclass(frozen=True, slots=True)
class PodDns:
    """`config` is for the runtime; `warnings` are events to be recorded, (reason, message)."""

    config: DNSConfig
    warnings: tuple[tuple[str, str], ...] = ()


def parse_resolv_conf(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Servers, searches and options of a resolv.conf; the last line of searches, and of options, counts."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            servers += words[1:2]
        elif words[0] == "search":
            searches = tuple(word.removesuffix(".") for word in words[1:])
        elif words[0] == "options":
            options = tuple(words[1:])
    return tuple(servers), searches, options


def dns_config(pod: Pod, node: NodeDns) -> PodDns:
    """The resolver of a pod."""
    warnings: list[tuple[str, str]] = []
    base = _base(pod, node, warnings)
    if pod.spec.dns_config:
        base = _merge(base, pod.spec.dns_config)
    config = DNSConfig(
        servers=_fitting_servers(base.servers, warnings),
        searches=_fitting_searches(base.searches, warnings),
        options=base.options,
    )
    return PodDns(config, tuple(warnings))


def _base(pod: Pod, node: NodeDns, warnings: list[tuple[str, str]]) -> NodeDns:
    policy = pod.spec.dns_policy
    if policy == "None":
        return NodeDns()
    if policy == "Default" or (policy == "ClusterFirst" and pod.spec.host_network):
        return node
    if not node.cluster_servers:
        warnings.append(("MissingClusterDNS", _missing(pod)))
        return node
    domain = node.cluster_domain
    own = (f"{pod.metadata.namespace}.svc.{domain}", f"svc.{domain}", domain) if domain else ()
    return NodeDns(node.cluster_servers, _unique((*own, *node.searches)), _CLUSTER_OPTIONS)


def _missing(pod: Pod) -> str:
    name = f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
    return (
        f'pod: "{name}". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" '
        'policy. Falling back to "Default" policy.'
    )


def _merge(base: NodeDns, more: PodDNSConfig) -> NodeDns:
    options = dict(option.partition(":")[::2] for option in base.options)
    options.update((option.name, option.value or "") for option in more.options)
    return NodeDns(
        _unique((*base.servers, *more.nameservers)),
        _unique((*base.searches, *more.searches)),
        tuple(f"{name}:{value}" if value else name for name, value in options.items()),
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _fitting_servers(servers: Sequence[str], warnings: list[tuple[str, str]]) -> Sequence[str]:
    if len(servers) <= _MOST_SERVERS:
        return servers
    fitting = servers[:_MOST_SERVERS]
    warnings.append(_exceeded("Nameserver", "nameservers", "nameserver", fitting))
    return fitting


def _fitting_searches(searches: Sequence[str], warnings: list[tuple[str, str]]) -> Sequence[str]:
    # A longer search path makes the resolver of glibc 2.28 abort.
    fitting = [path for path in searches[:_MOST_SEARCHES] if len(path) <= _LONGEST_SEARCH]
    while len(" ".join(fitting)) > _LONGEST_SEARCH_LINE:
        fitting.pop()
    if len(fitting) < len(searches):
        warnings.append(_exceeded("Search Line", "search paths", "search", fitting))
    return fitting


def _exceeded(what: str, omitted: str, line: str, fitting: Sequence[str]) -> tuple[str, str]:
    return "DNSConfigForming", (
        f"{what} limits were exceeded, some {omitted} have been omitted, the applied {line} line is: "
        f"{' '.join(fitting)}"
    )
