"""What all objects have: metadata, owners, label selectors (meta/v1)."""

from __future__ import annotations

from datetime import datetime

from firkin.kubelet.api.struct import Object, always

__all__ = [
    "Condition",
    "LabelSelector",
    "LabelSelectorRequirement",
    "ListMeta",
    "LocalObjectReference",
    "ObjectMeta",
    "OwnerReference",
    "Resource",
]


class OwnerReference(Object, frozen=True):
    """Who made the object, and takes it away with itself."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(Object, frozen=True):
    """Name and identity. `namespace` is "default" where a manifest does not say."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    finalizers: list[str] = []


class Resource(Object, frozen=True):
    """Base of the objects that have a name of their own."""

    api_version: str = always("v1")
    kind: str = always("")
    metadata: ObjectMeta = ObjectMeta()


class ListMeta(Object, frozen=True):
    """What a list has instead."""

    resource_version: str = ""
    continue_: str = ""
    remaining_item_count: int | None = None


class LabelSelectorRequirement(Object, frozen=True):
    """One condition on a label; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: list[str] = []


class LabelSelector(Object, frozen=True):
    """Objects by their labels: all of it must hold."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelSelectorRequirement] = []


class LocalObjectReference(Object, frozen=True):
    """An object of the same namespace."""

    name: str = ""


class Condition(Object, frozen=True):
    """One aspect of a state. `status` is True, False or Unknown."""

    type: str
    status: str
    observed_generation: int | None = None
    last_probe_time: datetime | None = None
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None
    reason: str = ""
    message: str = ""
