"""What the agent is told: the section `[kubelet]` of the configuration, typed, with its defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from firkin.kubelet.logs.settings import LogSettings, log_faults
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.eviction.thresholds import threshold_faults
from firkin.kubelet.resources.image_choice import ImageSettings, image_faults
from firkin.kubelet.resources.settings import ResourceSettings, resource_faults
from firkin.kubelet.server.settings import ServerSettings, server_faults
from firkin.kubelet.sources.settings import SourceSettings, source_faults
from firkin.settings import decode_section

__all__ = ["Config", "load_config"]


@dataclass(frozen=True, slots=True)
class Config:
    """`[kubelet]`: the agent.

    `root` holds what outlives a reboot, `state` what does not; `logs` has a directory for each pod. `runtime_endpoint`
    is the socket of the runtime. `node_name` and `node_ip` are the machine's where they are empty. `max_restart_delay`
    is the longest wait, in seconds, before a container that keeps ending is started again, `max_pull_delay` the same
    for images that can not be pulled; `parallel_pulls` is how many are pulled at a time of one registry.
    `relist_seconds` is how often the runtime is asked for everything it has while it reports events (once a second
    where it does not). `resolv_conf` is the resolver's configuration that pods get of the node, `cluster_dns` and
    `cluster_domain` those of a DNS for pods, where there is one. `node_labels` are texts such as "disk=ssd".
    """

    root: str = "/var/lib/firkin/kubelet"
    state: str = "/run/firkin"
    logs: str = "/var/log/pods"
    runtime_endpoint: str = "unix:///run/firkin/cri.sock"
    runtime_seconds: int = 120
    node_name: str = ""
    node_ip: str = ""
    max_restart_delay: int = 300
    max_pull_delay: int = 300
    parallel_pulls: int = 3
    relist_seconds: int = 60
    resolv_conf: str = "/etc/resolv.conf"
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = ""
    node_labels: tuple[str, ...] = ()
    log_level: str = "info"
    log_format: str = "text"
    resources: ResourceSettings = field(default_factory=ResourceSettings)
    eviction: EvictionSettings = field(default_factory=EvictionSettings)
    images: ImageSettings = field(default_factory=ImageSettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    container_logs: LogSettings = field(default_factory=LogSettings)


def load_config(settings: Mapping[str, Any], *, document: str = "configuration") -> Config:
    """The configuration in `settings`, those of `firkin.settings.read_settings`.

    Raises ConfigError that names every key that is wrong, not the first alone.
    """
    return decode_section(Config, settings, "kubelet", _faults, document)


_CHOICES = {"log_level": ("debug", "info", "warning", "error"), "log_format": ("text", "json")}
_AT_LEAST_ONE = ("runtime_seconds", "max_restart_delay", "max_pull_delay", "parallel_pulls", "relist_seconds")


def _faults(config: Config) -> Iterator[str]:
    for key, choices in _CHOICES.items():
        if getattr(config, key) not in choices:
            yield f"kubelet.{key}: {getattr(config, key)!r} is none of {', '.join(choices)}"
    for key in ("root", "state", "logs"):
        if not os.path.isabs(getattr(config, key)):
            yield f"kubelet.{key}: {getattr(config, key)!r} is not an absolute path"
    if not config.runtime_endpoint.removeprefix("unix://").startswith("/"):
        yield f"kubelet.runtime_endpoint: {config.runtime_endpoint!r} is not unix:///PATH"
    for key in _AT_LEAST_ONE:
        if getattr(config, key) < 1:
            yield f"kubelet.{key}: is less than 1"
    for label in config.node_labels:
        if "=" not in label:
            yield f"kubelet.node_labels: {label!r} is not a label such as disk=ssd"
    yield from resource_faults(config.resources)
    yield from threshold_faults(config.eviction)
    yield from image_faults(config.images)
    yield from source_faults(config.sources)
    yield from server_faults(config.server)
    yield from log_faults(config.container_logs)
