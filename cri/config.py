"""What the CRI server is told: its sections of the configuration, typed, with their defaults."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from firkin.cri.network.options import DEFAULT_RANGES
from firkin.cri.telemetry.address import parse_address
from firkin.settings import decode_section

__all__ = ["Config", "Images", "Metrics", "Network", "Runtime", "Streaming", "load_config"]


@dataclass(frozen=True, slots=True)
class Streaming:
    """`[cri.streaming]`: where exec, attach and port-forward are served; port 0 takes a free one.

    With `certificate` and `key`, two files, it is over TLS. A stream without traffic ends after `idle_seconds`.
    """

    address: str = "127.0.0.1"
    port: int = 0
    certificate: str = ""
    key: str = ""
    idle_seconds: int = 4 * 3600


@dataclass(frozen=True, slots=True)
class Network:
    """`[cri.network]`: CNI where `config_directory` holds a configuration, else firkin's own bridge.

    `pod_cidrs` are the ranges of the own bridge: one for IPv4, one for IPv6, or one of them; `table` is its table of
    nftables.
    """

    config_directory: str = "/etc/cni/net.d"
    plugin_directories: tuple[str, ...] = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
    cache_directory: str = "/var/lib/cni"
    bridge: str = "firkin0"
    table: str = "firkin"
    pod_cidrs: tuple[str, ...] = DEFAULT_RANGES


@dataclass(frozen=True, slots=True)
class Images:
    """`[cri.images]`: how images are fetched, and which are used, as the file `policy` says (docs/registries.md).

    Those in `pinned` are never taken by garbage collection.
    """

    hosts_directory: str = "/etc/firkin/hosts.d"
    policy: str = "/etc/firkin/policy.toml"
    concurrent_pulls: int = 3
    pinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runtime:
    """`[cri.runtimes.NAME]`: the runtime handler NAME, for RuntimeClasses.

    `type` is firkin, for containers as those of pods that name no handler have them, or oci for another runtime, whose
    program is `path`.
    """

    type: str = "firkin"
    path: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """`[cri.metrics]`: where `/metrics`, `/healthz` and `/readyz` are served over HTTP; "" is nowhere.

    `address` is `unix:PATH`, or a loopback address with a port: nobody is asked who he is.
    """

    address: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """`[cri]`: the server.

    `root` holds what outlives a reboot, `state` what does not; `socket` is where CRI is served: to root, and to
    `socket_users` and `socket_group`, by name or number, if there are any. `cgroup_driver` is cgroupfs or systemd, and
    the kubelet's as well. The log goes to `log_file`, "" is standard error. `max_log_line` is the bytes after which a
    line of a container's log is split.
    """

    root: str = "/var/lib/firkin"
    state: str = "/run/firkin/cri"
    socket: str = "/run/firkin/cri.sock"
    socket_group: str = ""
    socket_users: tuple[str, ...] = ()
    cgroup_driver: str = "cgroupfs"
    log_level: str = "info"
    log_format: str = "text"
    log_file: str = ""
    max_log_line: int = 16384
    streaming: Streaming = Streaming()
    network: Network = Network()
    images: Images = Images()
    runtimes: dict[str, Runtime] = field(default_factory=dict)
    metrics: Metrics = Metrics()


def load_config(settings: Mapping[str, Any], *, document: str = "configuration") -> Config:
    """The configuration in `settings`, those of `firkin.settings.read_settings`.

    Raises ConfigError that names every key that is wrong, not the first alone.
    """
    return decode_section(Config, settings, "cri", _faults, document)


_NAME = re.compile("[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_CHOICES = {
    "cgroup_driver": ("cgroupfs", "systemd"),
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("text", "json"),
}


def _faults(config: Config) -> Iterator[str]:
    for key, choices in _CHOICES.items():
        if getattr(config, key) not in choices:
            yield f"cri.{key}: {getattr(config, key)!r} is none of {', '.join(choices)}"
    for key in ("root", "state", "socket"):
        if not os.path.isabs(getattr(config, key)):
            yield f"cri.{key}: {getattr(config, key)!r} is not an absolute path"
    if config.log_file and not os.path.isabs(config.log_file):
        yield f"cri.log_file: {config.log_file!r} is not an absolute path"
    if config.max_log_line < 80:
        yield "cri.max_log_line: is less than 80"
    if bool(config.streaming.certificate) is not bool(config.streaming.key):
        yield "cri.streaming: certificate and key go together"
    if not 0 <= config.streaming.port <= 65535:
        yield "cri.streaming.port: is not within 0 to 65535"
    if config.metrics.address:
        try:
            parse_address(config.metrics.address)
        except ValueError as error:
            yield f"cri.metrics.address: {error}"
    yield from _network_faults(config.network)
    for name, runtime in config.runtimes.items():
        yield from _runtime_faults(f"cri.runtimes.{name}", name, runtime)
        if runtime.type == "oci" and config.cgroup_driver == "systemd":
            yield f"cri.runtimes.{name}.type: oci goes with the cgroup_driver cgroupfs alone"


def _runtime_faults(key: str, name: str, runtime: Runtime) -> Iterator[str]:
    # What a RuntimeClass may call it (a label of DNS), and never a path.
    if not _NAME.fullmatch(name) or name == "firkin":
        yield f"{key}: is no name for a runtime handler: it has letters, digits and -, and is not firkin"
    if runtime.type not in ("firkin", "oci"):
        yield f"{key}.type: {runtime.type!r} is none of firkin, oci"
    elif runtime.type == "oci" and not os.path.isabs(runtime.path):
        yield f"{key}.path: {runtime.path!r} is not an absolute path"
    elif runtime.type == "firkin" and runtime.path:
        yield f"{key}.path: is for the type oci"


def _network_faults(network: Network) -> Iterator[str]:
    versions = []
    for text in network.pod_cidrs:
        try:
            versions.append(ipaddress.ip_network(text).version)
        except ValueError as error:
            yield f"cri.network.pod_cidrs: {error}"
    if len(versions) != len(set(versions)):
        yield "cri.network.pod_cidrs: has two ranges of one version of IP"
    if not 0 < len(network.bridge) < 16:
        yield f"cri.network.bridge: {network.bridge!r} is not the name of an interface"
