"""Pods and the objects that they refer to, as manifests have them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod

__all__ = ["Shelf", "pod_of"]

_T = TypeVar("_T", bound=Resource)


def pod_of(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Pod:
    """The pod `default/web` with a uid; it has one container, `main`, if `spec` names none."""
    known = {"name": "web", "namespace": "default", "uid": "11111111-2222-3333-4444-555555555555", **metadata}
    wanted = {"containers": [{"name": "main", "image": "busybox"}], **(spec or {})}
    return msgspec.convert({"metadata": known, "spec": wanted, "status": status or {}}, Pod)


class Shelf:
    """ConfigMaps and Secrets by name, which can be put in and taken away."""

    def __init__(self) -> None:
        self._objects: dict[tuple[object, str, str], Any] = {}

    def config_map(self, name: str, namespace: str = "default", **data: str) -> ConfigMap:
        """Put a ConfigMap there."""
        made = msgspec.convert({"metadata": {"name": name, "namespace": namespace}, "data": data}, ConfigMap)
        self._objects[ConfigMap, namespace, name] = made
        return made

    def secret(self, name: str, namespace: str = "default", **data: bytes) -> Secret:
        """Put a Secret there."""
        made = msgspec.convert({"metadata": {"name": name, "namespace": namespace}}, Secret)
        made = msgspec.structs.replace(made, data=data)
        self._objects[Secret, namespace, name] = made
        return made

    def remove(self, kind: type[ConfigMap] | type[Secret], name: str, namespace: str = "default") -> None:
        """Take one away."""
        del self._objects[kind, namespace, name]

    def get(self, kind: type[_T], namespace: str, name: str) -> _T | None:
        """See Lookup."""
        found = self._objects.get((kind, namespace, name))
        return found if isinstance(found, kind) else None
