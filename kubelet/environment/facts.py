"""What a pod is told of where it runs, beside what its own specification says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.quantity import Quantity

__all__ = ["Facts", "Lookup"]

_T = TypeVar("_T", bound=Resource)


class Lookup(Protocol):
    """Where ConfigMaps and Secrets are looked up: the agent's objects."""

    def get(self, kind: type[_T], namespace: str, name: str) -> _T | None:
        """The object of this kind and name; None if there is none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`host_ips` are the node's addresses, `pod_ips` the pod's, its main one first; `allocatable` is what the node
    has for pods, by the names of resources: a container without a limit is told that."""

    host_ips: tuple[str, ...] = ()
    pod_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, Quantity] = field(default_factory=dict)
