"""Pods of workloads: how they are made of a template, whose they are, and what they are at."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from firkin.kubelet.api.meta import ObjectMeta, OwnerReference, Resource
from firkin.kubelet.api.pod import Pod, PodTemplateSpec

__all__ = [
    "LETTERS",
    "is_available",
    "is_ended",
    "is_going",
    "is_ready",
    "kept_until",
    "owned",
    "owner_of",
    "pod_of",
    "template_hash",
]

# No vowels, lest a name becomes a word.
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_PAUSE = timedelta(seconds=10)
_replace = msgspec.structs.replace


def owner_of(item: Resource) -> OwnerReference:
    """The reference of a pod to the object that made it."""
    metadata = item.metadata
    return OwnerReference(
        api_version=item.api_version,
        kind=item.kind,
        name=metadata.name,
        uid=metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def owned(pods: Iterable[Pod], uid: str) -> list[Pod]:
    """The pods that the object with this uid made."""
    return [pod for pod in pods if any(one.uid == uid and one.controller for one in pod.metadata.owner_references)]


def template_hash(template: PodTemplateSpec) -> str:
    """What tells one template from another: ten letters, for labels and names.

    What is said and what is meant by saying nothing come to the same, also when a later version knows more fields.
    """
    text = msgspec.json.encode(_said(template), order="deterministic")
    number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    letters = ""
    for _ in range(10):
        number, at = divmod(number, len(LETTERS))
        letters += LETTERS[at]
    return letters


def _said(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: _said(one) for name, one, default in fields if one != default}
    if isinstance(value, list | tuple):
        return [_said(one) for one in value]
    return {name: _said(one) for name, one in value.items()} if isinstance(value, dict) else value


@functools.cache
def _defaults(structure: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field.name, field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory())
        for field in msgspec.structs.fields(structure)
    )


def pod_of(
    owner: Resource,
    template: PodTemplateSpec,
    prefix: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    name: str = "",
) -> Pod:
    """A pod of `owner`, as its template says. It is named `name`, or `prefix` and five letters."""
    suffix = "".join(random.choices(LETTERS, k=5))
    metadata = ObjectMeta(
        name=name or f"{prefix[:58]}{suffix}",
        generate_name=prefix,
        namespace=owner.metadata.namespace,
        labels={**template.metadata.labels, **(labels or {})},
        annotations={**template.metadata.annotations, **(annotations or {})},
        finalizers=list(template.metadata.finalizers),
        owner_references=[owner_of(owner)],
    )
    return Pod(metadata=metadata, spec=template.spec)


def is_going(pod: Pod) -> bool:
    """Whether it was asked to end."""
    return pod.metadata.deletion_timestamp is not None


def is_ended(pod: Pod) -> bool:
    """Whether it has ended."""
    return pod.status.phase in ("Succeeded", "Failed")


def kept_until(pod: Pod) -> datetime:
    """Until when a pod that has ended stays in its place: what the node does not take ends as soon as it is made."""
    made = pod.metadata.creation_timestamp
    return datetime.min.replace(tzinfo=UTC) if made is None else made + _PAUSE


def is_ready(pod: Pod) -> bool:
    """Whether it is ready."""
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def is_available(pod: Pod, seconds: int, now: datetime) -> bool:
    """Whether it has been ready for so many seconds."""
    since = [one.last_transition_time for one in pod.status.conditions if one.type == "Ready" and one.status == "True"]
    if not since:
        return False
    return seconds == 0 or (since[0] is not None and since[0] + timedelta(seconds=seconds) <= now)
