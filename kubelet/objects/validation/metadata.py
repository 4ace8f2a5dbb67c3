"""Metadata and selectors."""

from __future__ import annotations

from firkin.kubelet.api.meta import LabelSelector, ObjectMeta
from firkin.kubelet.objects.validation import names
from firkin.kubelet.objects.validation.fault import Faults, forbidden, invalid, join, one_of, required

__all__ = ["metadata", "selector", "template_metadata"]


def metadata(value: ObjectMeta, *, namespaced: bool, most: int = 253) -> Faults:
    """The metadata of an object; its name has `most` bytes at most."""
    if value.name:
        yield from names.subdomain("metadata.name", value.name, most)
    elif value.generate_name:
        yield from names.subdomain("metadata.generateName", value.generate_name.rstrip("-"), most - 5)
    else:
        yield required("metadata.name", "name or generateName is required")
    if namespaced:
        yield from names.label_name("metadata.namespace", value.namespace)
    elif value.namespace:
        yield forbidden("metadata.namespace", "not allowed on this type")
    yield from template_metadata("metadata", value)
    for number, owner in enumerate(value.owner_references):
        path = f"metadata.ownerReferences[{number}]"
        for field, text in (("apiVersion", owner.api_version), ("kind", owner.kind), ("name", owner.name)):
            if not text:
                yield invalid(join(path, field), text, "must not be empty")
    for number, finalizer in enumerate(value.finalizers):
        yield from names.qualified(f"metadata.finalizers[{number}]", finalizer)


def template_metadata(path: str, value: ObjectMeta) -> Faults:
    """Labels and annotations, of a template too."""
    yield from names.labels(join(path, "labels"), value.labels)
    yield from names.annotation_names(join(path, "annotations"), value.annotations)


def selector(path: str, value: LabelSelector) -> Faults:
    """A label selector."""
    yield from names.labels(join(path, "matchLabels"), value.match_labels)
    for number, one in enumerate(value.match_expressions):
        place = f"{path}.matchExpressions[{number}]"
        yield from names.qualified(join(place, "key"), one.key)
        yield from one_of(
            join(place, "operator"), one.operator, ("In", "NotIn", "Exists", "DoesNotExist"), optional=False
        )
        if one.operator in ("In", "NotIn") and not one.values:
            yield required(join(place, "values"), "must be specified when `operator` is 'In' or 'NotIn'")
        if one.operator in ("Exists", "DoesNotExist") and one.values:
            yield forbidden(join(place, "values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
