"""Which nodes a pod is for."""

from __future__ import annotations

from firkin.kubelet.api.affinity import Affinity, NodeSelectorRequirement
from firkin.kubelet.objects.validation import names
from firkin.kubelet.objects.validation.fault import Faults, forbidden, invalid, join, one_of, required

__all__ = ["affinity"]

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def affinity(path: str, value: Affinity | None) -> Faults:
    """What a pod requires of its node."""
    of_node = value.node_affinity if value else None
    selector = of_node.required_during_scheduling_ignored_during_execution if of_node else None
    if selector is None:
        return
    terms = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    if not selector.node_selector_terms:
        yield required(terms, "must have at least one node selector term")
    for number, term in enumerate(selector.node_selector_terms):
        for position, one in enumerate(term.match_expressions):
            yield from _expression(f"{terms}[{number}].matchExpressions[{position}]", one)
        for position, one in enumerate(term.match_fields):
            yield from _field(f"{terms}[{number}].matchFields[{position}]", one)


def _expression(path: str, one: NodeSelectorRequirement) -> Faults:
    yield from names.qualified(join(path, "key"), one.key)
    yield from one_of(join(path, "operator"), one.operator, _OPERATORS, optional=False)
    values = join(path, "values")
    if one.operator in ("In", "NotIn") and not one.values:
        yield required(values, "must be specified when `operator` is 'In' or 'NotIn'")
    elif one.operator in ("Exists", "DoesNotExist") and one.values:
        yield forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif one.operator in ("Gt", "Lt") and len(one.values) != 1:
        yield required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'")


def _field(path: str, one: NodeSelectorRequirement) -> Faults:
    if one.key != "metadata.name":
        yield invalid(join(path, "key"), one.key, "not a valid field selector key")
    if one.operator not in ("In", "NotIn"):
        yield invalid(join(path, "operator"), one.operator, "not a valid selector operator")
    elif len(one.values) != 1:
        yield required(
            join(path, "values"), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        )
