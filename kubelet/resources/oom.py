"""Whom the kernel kills first when memory runs out (oom_score_adj).

Source: "Node out of memory behavior" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.priority import is_node_critical
from firkin.kubelet.resources.qos import BEST_EFFORT, GUARANTEED, qos_class
from firkin.kubelet.resources.totals import requests_of

__all__ = ["oom_score_adj"]

_GUARANTEED = -997
_BEST_EFFORT = 1000


def oom_score_adj(pod: Pod, container: Container, memory: int) -> int:
    """The value for the processes of a container, on a machine with `memory` bytes.

    A sidecar is not killed before the containers that it is there for.
    """
    if is_node_critical(pod):
        return _GUARANTEED
    quality = qos_class(pod)
    if quality in (GUARANTEED, BEST_EFFORT):
        return _GUARANTEED if quality == GUARANTEED else _BEST_EFFORT
    own = _burstable(container, memory)
    if container.restart_policy == "Always" and container in pod.spec.init_containers:
        return min(own, *_scores(pod.spec.containers, memory))
    return own


def _scores(containers: Iterable[Container], memory: int) -> Iterable[int]:
    return (_burstable(one, memory) for one in containers)


def _burstable(container: Container, memory: int) -> int:
    # Who uses no more than was requested has a lower score than who does.
    requested = int(requests_of(container).get("memory", 0))
    return min(max(1000 - 1000 * requested // memory, 1000 + _GUARANTEED), _BEST_EFFORT - 1)
