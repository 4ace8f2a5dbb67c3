"""What a plug-in is given: the environment, and the configuration with what the runtime adds.

Source: CNI specification, section 2 "Parameters" and section 3 "Deriving request configuration from plugin
configuration"; CONVENTIONS.md for the capabilities; Kubernetes for CNI_ARGS.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firkin.cri.network.cni.configuration import Configuration, Plugin
from firkin.cri.network.model import Sandbox
from firkin.errors import ConfigError
from firkin.oci.json_text import dump
from firkin.oci.record import NOTHING

__all__ = ["Attachment", "arguments_of", "capabilities_of", "environment", "request"]

_BURST = (1 << 31) - 1
_OURS = ("CNI_", "LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_")


@dataclass(frozen=True, slots=True)
class Attachment:
    """What all calls for one pod have in common, from the first ADD to the last DEL."""

    container: str
    netns: str
    interface: str
    arguments: tuple[tuple[str, str], ...]
    capabilities: Mapping[str, object]


def arguments_of(sandbox: Sandbox) -> tuple[tuple[str, str], ...]:
    """CNI_ARGS as the plug-ins of Kubernetes know them. Raises ConfigError for a name that does not fit in there."""
    arguments = (
        ("IgnoreUnknown", "1"),
        ("K8S_POD_NAMESPACE", sandbox.namespace),
        ("K8S_POD_NAME", sandbox.name),
        ("K8S_POD_INFRA_CONTAINER_ID", sandbox.id),
        ("K8S_POD_UID", sandbox.uid),
    )
    for key, value in arguments:
        if not value.isprintable() or set(value) & set(";= "):
            raise ConfigError("metadata", f"{value!r} can not be a pod's {key}", document="pod sandbox")
    return arguments


def capabilities_of(sandbox: Sandbox) -> dict[str, object]:
    """What plug-ins may ask to be told about a pod, by capability; what the pod does not want is left out."""
    dns = {"servers": sandbox.dns.servers, "searches": sandbox.dns.searches, "options": sandbox.dns.options}
    ingress, egress = sandbox.bandwidth.ingress, sandbox.bandwidth.egress
    bandwidth: dict[str, object] = {"ingressRate": ingress, "ingressBurst": _BURST} if ingress else {}
    bandwidth |= {"egressRate": egress, "egressBurst": _BURST} if egress else {}
    capabilities: dict[str, object] = {
        "portMappings": [
            {"hostPort": p.host_port, "containerPort": p.container_port, "protocol": p.protocol, "hostIP": p.host_ip}
            for p in sandbox.ports
        ],
        "bandwidth": bandwidth,
        "dns": {key: list(values) for key, values in dns.items() if values},
        "aliases": list(sandbox.aliases),
        "ips": list(sandbox.ips),
        "mac": sandbox.mac,
        "cgroupPath": sandbox.cgroup_parent,
        "io.kubernetes.cri.pod-annotations": dict(sandbox.annotations),
    }
    return {name: value for name, value in capabilities.items() if value}


def environment(command: str, directories: Sequence[str], attachment: Attachment | None = None) -> dict[str, str]:
    """The environment of a call: this process's without what systemd tells it, and the parameters."""
    parameters = {"CNI_COMMAND": command, "CNI_PATH": os.pathsep.join(directories)}
    parameters |= dict.fromkeys(("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"), "")
    if attachment:
        parameters |= {
            "CNI_CONTAINERID": attachment.container,
            "CNI_NETNS": attachment.netns,
            "CNI_IFNAME": attachment.interface,
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in attachment.arguments),
        }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    return inherited | parameters


def request(
    network: Configuration,
    plugin: Plugin,
    attachment: Attachment | None = None,
    previous: object = None,
    additions: Mapping[str, object] = NOTHING,
) -> bytes:
    """The configuration of one call: that of the plug-in, completed. `previous` is the result before this one."""
    document = {key: value for key, value in plugin.document.items() if key != "capabilities"}
    document |= {"name": network.name, "cniVersion": network.version}
    if attachment:
        wanted = {name: value for name, value in attachment.capabilities.items() if name in plugin.capabilities}
        document |= {"runtimeConfig": wanted} if wanted else {}
    if previous is not None:
        document["prevResult"] = previous
    return dump({**document, **additions}).encode()
