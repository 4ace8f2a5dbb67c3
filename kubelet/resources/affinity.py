"""Whether a node is one that a pod asks for, by its labels and its name. Pure.

Source: the Kubernetes API, NodeSelectorTerm; component-helpers/scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

from collections.abc import Mapping

from firkin.kubelet.api.affinity import NodeSelectorRequirement, NodeSelectorTerm
from firkin.kubelet.api.pod import PodSpec

__all__ = ["suits"]


def suits(spec: PodSpec, name: str, labels: Mapping[str, str]) -> bool:
    """Whether the node of this name, with these labels, has all of nodeSelector, and what affinity requires."""
    if not spec.node_selector.items() <= labels.items():
        return False
    of_node = spec.affinity.node_affinity if spec.affinity else None
    required = of_node.required_during_scheduling_ignored_during_execution if of_node else None
    fields = {"metadata.name": name}
    return required is None or any(_holds(term, fields, labels) for term in required.node_selector_terms)


def _holds(term: NodeSelectorTerm, fields: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    # A term that says nothing is true of no node.
    asked = [*((one, labels) for one in term.match_expressions), *((one, fields) for one in term.match_fields)]
    return bool(asked) and all(_is_met(one, values.get(one.key)) for one, values in asked)


def _is_met(one: NodeSelectorRequirement, value: str | None) -> bool:
    match one.operator:
        case "In":
            return value in one.values
        case "NotIn":
            return value not in one.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return _compare(value, one.values) > 0
        case _:
            return _compare(value, one.values) < 0


def _compare(value: str | None, limits: list[str]) -> int:
    # 0: they can not be compared.
    try:
        return int(value or "") - int(limits[0])
    except (ValueError, IndexError):
        return 0
