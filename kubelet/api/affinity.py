"""Which nodes a pod is for (core/v1). What it says of other pods, and what it would rather have, is a scheduler's."""

from __future__ import annotations

from firkin.kubelet.api.struct import Object

__all__ = ["Affinity", "NodeAffinity", "NodeSelector", "NodeSelectorRequirement", "NodeSelectorTerm"]


class NodeSelectorRequirement(Object, frozen=True):
    """A condition on a label or a field of the node; `operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: list[str] = []


class NodeSelectorTerm(Object, frozen=True):
    """Conditions that must all hold."""

    match_expressions: list[NodeSelectorRequirement] = []
    match_fields: list[NodeSelectorRequirement] = []


class NodeSelector(Object, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: list[NodeSelectorTerm] = []


class NodeAffinity(Object, frozen=True):
    """What the node must be like when the pod comes to it."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class Affinity(Object, frozen=True):
    """What a pod is drawn to."""

    node_affinity: NodeAffinity | None = None
