"""Pods that the node can not do without.

Source: "Guaranteed Scheduling For Critical Add-On Pods" of the Kubernetes documentation.
"""

from __future__ import annotations

from firkin.kubelet.api.pod import Pod

__all__ = ["is_critical", "is_node_critical", "is_static", "priority_of"]

_CRITICAL = 2_000_000_000
_NAMED = {"system-cluster-critical": _CRITICAL, "system-node-critical": _CRITICAL + 1000}
_SOURCE = "kubernetes.io/config.source"


def priority_of(pod: Pod) -> int:
    """The priority; the higher one stays longer."""
    if pod.spec.priority is not None:
        return pod.spec.priority
    return _NAMED.get(pod.spec.priority_class_name, 0)


def is_static(pod: Pod) -> bool:
    """Whether it comes from a file or a URL, rather than from a request."""
    return pod.metadata.annotations.get(_SOURCE, "api") != "api"


def is_node_critical(pod: Pod) -> bool:
    """Whether it is as important as the node agent itself."""
    return is_critical(pod) and pod.spec.priority_class_name == "system-node-critical"


def is_critical(pod: Pod) -> bool:
    """Whether it is admitted whatever the pressure, and never evicted: by its priority, and if it is static."""
    return is_static(pod) or priority_of(pod) >= _CRITICAL
