"""Makes the objects be what the manifests say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Job
from firkin.kubelet.objects.kinds import kind_of
from firkin.kubelet.sources.manifest import HASH, ORIGIN, SOURCE

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
        elif found.metadata.deletion_timestamp is None:
            delete.append(found)
    known = set(complete)
    for key, item in there.items():
        is_ours = item.metadata.annotations.get(SOURCE) in known
        if is_ours and key not in wanted and item.metadata.deletion_timestamp is None:
            delete.append(item)
    return Plan(tuple(create), tuple(replace), tuple(delete), tuple(complaints))


def _named(item: Resource) -> str:
    kind = kind_of(type(item))
    name = f"{item.metadata.namespace}/{item.metadata.name}" if kind.namespaced else item.metadata.name
    return f"{kind.name} {name}"
