"""Which pods a node under pressure still takes. Pure."""

from __future__ import annotations

from firkin.kubelet.api.pod import Pod, Toleration
from firkin.kubelet.resources.admission import Refusal
from firkin.kubelet.resources.eviction.text import REASON
from firkin.kubelet.resources.priority import is_critical
from firkin.kubelet.resources.qos import BEST_EFFORT, qos_class

__all__ = ["admit_under_pressure"]

_TAINT = "node.kubernetes.io/memory-pressure"


def admit_under_pressure(pod: Pod, conditions: frozenset[str]) -> Refusal | None:
    """The reason why the pod can't run on a node with these conditions; None if it can.

    Under pressure of memory alone only those are refused that have set nothing aside.
    """
    if not conditions or is_critical(pod):
        return None
    if conditions == {"MemoryPressure"} and (
        qos_class(pod) != BEST_EFFORT or any(map(_tolerates, pod.spec.tolerations))
    ):
        return None
    return Refusal(REASON, f"The node had condition: [{' '.join(sorted(conditions))}]. ")


def _tolerates(toleration: Toleration) -> bool:
    if toleration.effect not in ("", "NoSchedule"):
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    return toleration.key == _TAINT and (toleration.operator == "Exists" or not toleration.value)
