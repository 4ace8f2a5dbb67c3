"""/etc/hosts of a pod's containers, as the node agent of Kubernetes manages it.

Source: "Adding entries to Pod /etc/hosts with HostAliases" of the Kubernetes documentation; hosts(5).
"""

from __future__ import annotations

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod

__all__ = ["HOSTS_PATH", "hosts_text", "wants_hosts"]

HOSTS_PATH = "/etc/hosts"
"""Where it is, in a container and on the node."""

_LOCAL = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def wants_hosts(pod: Pod, container: Container, pod_ips: tuple[str, ...]) -> bool:
    """Whether the file is mounted into a container: not before the pod has an address, nor over a volume of its own."""
    has_own = any(mount.mount_path == HOSTS_PATH for mount in container.volume_mounts)
    return not has_own and (bool(pod_ips) or pod.spec.host_network)


def hosts_text(pod: Pod, pod_ips: tuple[str, ...], hostname: str, *, domain: str = "", of_node: str = "") -> str:
    """The text of the file.

    Parameters: `hostname` and `domain` are the pod's, which all of its addresses get; `of_node` is the text of the
    node's file, which a pod on the node's network has instead.
    """
    aliases = ["\t".join((alias.ip, *alias.hostnames)) + "\n" for alias in pod.spec.host_aliases]
    tail = "".join(["\n# Entries added by HostAliases.\n", *aliases]) if aliases else ""
    if pod.spec.host_network:
        return f"# Kubernetes-managed hosts file (host network).\n{of_node}{tail}"
    names = f"{hostname}.{domain}\t{hostname}" if domain else hostname
    own = "".join(f"{ip}\t{names}\n" for ip in pod_ips)
    return f"# Kubernetes-managed hosts file.\n{_LOCAL}{own}{tail}"
