"""Makes the objects be what the manifests say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Job
from firkin.kubelet.objects.kinds import kind_of
from firkin.kubelet.objects.resizes import is_resize, resized
from firkin.kubelet.objects.validation.resizes import resize
from firkin.kubelet.pods.phase import is_terminal
from firkin.kubelet.sources.manifest import HASH, MIRROR, ORIGIN, SOURCE

__all__ = ["Key", "Plan", "collect", "decide", "key_of"]

Key = tuple[type[Resource], str, str]


class Plan(NamedTuple):
    """What is to be done. An object that was changed and can not become another one is deleted, and created when it
    has gone."""

    create: tuple[Resource, ...] = ()
    replace: tuple[Resource, ...] = ()
    delete: tuple[Resource, ...] = ()
    complaints: tuple[str, ...] = ()


def key_of(item: Resource) -> Key:
    """What an object is known by."""
    return (type(item), item.metadata.namespace, item.metadata.name)


def collect(manifests: Mapping[str, Iterable[Resource]]) -> tuple[dict[Key, Resource], list[str]]:
    """The objects of all manifests, by origin, and complaints: of two with the same name the first counts."""
    wanted: dict[Key, Resource] = {}
    complaints = []
    for origin in sorted(manifests):
        for item in manifests[origin]:
            first = wanted.setdefault(key_of(item), item)
            if first is not item:
                other = first.metadata.annotations[ORIGIN]
                complaints.append(f"{origin}: {_named(item)} is described in {other} already")
    return wanted, complaints


def decide(wanted: Mapping[Key, Resource], there: Mapping[Key, Resource], complete: Iterable[str]) -> Plan:
    """What makes `there`, all objects, be as `wanted`; `complete` are the sources all of whose objects are known."""
    create, replace, delete, complaints = [], [], [], []
    for key, item in wanted.items():
        found = there.get(key)
        if found is None:
            create.append(item)
        elif SOURCE not in found.metadata.annotations:
            origin = item.metadata.annotations[ORIGIN]
            complaints.append(f"{origin}: {_named(item)} was made through the API, and is left as it is")
        elif found.metadata.annotations.get(HASH) == item.metadata.annotations[HASH]:
            continue
        elif not isinstance(item, Pod | Job):
            replace.append(item)
        elif isinstance(item, Pod) and isinstance(found, Pod) and _can_resize(found, item):
            replace.append(_resized(found, item))
        elif found.metadata.deletion_timestamp is None:
            delete.append(found)
    known = set(complete)
    for key, item in there.items():
        is_ours = item.metadata.annotations.get(SOURCE) in known
        if is_ours and key not in wanted and item.metadata.deletion_timestamp is None:
            delete.append(item)
    return Plan(tuple(create), tuple(replace), tuple(delete), tuple(complaints))


def _can_resize(found: Pod, item: Pod) -> bool:
    if found.metadata.deletion_timestamp is not None or is_terminal(found.status.phase):
        return False
    one, other = (_said(pod) for pod in (found, item))
    return one == other and is_resize(found, item) and not any(resize(found, item))


def _said(pod: Pod) -> tuple[dict[str, str], dict[str, str]]:
    # Labels and annotations of the manifest.
    made = (SOURCE, HASH, MIRROR)
    annotations = {name: text for name, text in pod.metadata.annotations.items() if name not in made}
    return pod.metadata.labels, annotations


def _resized(found: Pod, item: Pod) -> Pod:
    # It is the same pod, as it was made, with what it asks for now.
    annotations = {**found.metadata.annotations, HASH: item.metadata.annotations[HASH]}
    metadata = msgspec.structs.replace(found.metadata, annotations=annotations, resource_version="")
    return msgspec.structs.replace(resized(found, item), metadata=metadata)


def _named(item: Resource) -> str:
    kind = kind_of(type(item))
    name = f"{item.metadata.namespace}/{item.metadata.name}" if kind.namespaced else item.metadata.name
    return f"{kind.name} {name}"
