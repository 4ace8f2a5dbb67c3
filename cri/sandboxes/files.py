"""The files of a pod that its containers share: who it is, whom it knows, whom it asks.

STATE/sandboxes/ID/hostname, hosts, resolv.conf    bound into each container
STATE/sandboxes/ID/shm                             a tmpfs, the pod's /dev/shm
"""

from __future__ import annotations

import os

from firkin.cri.api.pod_pb2 import DNSConfig, PodSandboxConfig
from firkin.cri.spec.inputs import PodFiles
from firkin.errors import ConfigError

__all__ = ["HOST_FILES", "hosts_text", "pod_files", "resolv_conf_text", "write_files"]

HOST_FILES = {"hostname": "/etc/hostname", "hosts": "/etc/hosts", "resolv.conf": "/etc/resolv.conf"}
"""The host's own, which a pod on the host's network has copies of."""

_LOCALHOST = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "ff00::0\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
)


def pod_files(directory: str) -> PodFiles:
    """The files in the directory of a sandbox."""
    found = {name: f"{directory}/{name}" for name in (*HOST_FILES, "shm") if os.path.exists(f"{directory}/{name}")}
    return PodFiles(
        hostname=found.get("hostname", ""),
        hosts=found.get("hosts", ""),
        resolv_conf=found.get("resolv.conf", ""),
        shm=found.get("shm", ""),
    )


def write_files(directory: str, config: PodSandboxConfig, addresses: tuple[str, ...], *, own_network: bool) -> None:
    """Write the files into the directory of a sandbox. Raises ConfigError, OSError.

    Parameters: `addresses` are the pod's; with `own_network` false it is on the host's, and goes by the host's names.
    """
    host = {name: _text_of(path) for name, path in HOST_FILES.items()}
    hostname = config.hostname or host["hostname"].strip()
    texts = {
        "hostname": f"{hostname}\n",
        "hosts": hosts_text(hostname, addresses) if own_network else host["hosts"],
        "resolv.conf": resolv_conf_text(config.dns_config) or host["resolv.conf"],
    }
    for name, text in texts.items():
        with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)


def hosts_text(hostname: str, addresses: tuple[str, ...]) -> str:
    """hosts(5): this machine, and the pod by its name."""
    lines = [*_LOCALHOST, *(f"{address}\t{hostname}" for address in addresses if hostname)]
    return "".join(f"{line}\n" for line in lines)


def resolv_conf_text(dns: DNSConfig) -> str:
    """resolv.conf(5); "" if nothing is said, which means the host's. Raises ConfigError for control characters."""
    lines = [f"nameserver {server}" for server in dns.servers]
    if dns.searches:
        lines.append(f"search {' '.join(dns.searches)}")
    if dns.options:
        lines.append(f"options {' '.join(dns.options)}")
    for line in lines:
        if not line.isprintable():
            raise ConfigError("config.dns_config", f"{line!r} has control characters", document="RunPodSandboxRequest")
    return "".join(f"{line}\n" for line in lines)


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except FileNotFoundError:
        return ""
