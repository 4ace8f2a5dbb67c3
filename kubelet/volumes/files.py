"""What the files of a volume hold: keys of ConfigMaps and Secrets, fields of the pod. Pure but for the look-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.volume import DownwardAPIVolumeFile, KeyToPath
from firkin.kubelet.environment.facts import Facts, Lookup
from firkin.kubelet.environment.fields import field_value, resource_value
from firkin.kubelet.volumes.atomic import File
from firkin.kubelet.volumes.errors import VolumeError

__all__ = ["Keys", "check_path", "config_map_files", "downward_files", "secret_files"]

_FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations")


class Keys(NamedTuple):
    """Which keys of an object a volume shows: `items`, or all of them, with `mode`; it may be missing if `optional`."""

    name: str
    items: Sequence[KeyToPath]
    mode: int
    optional: bool


def config_map_files(objects: Lookup, namespace: str, keys: Keys) -> dict[str, File]:
    """The keys of a ConfigMap by path. Raises VolumeError if it, or a key, is not there."""
    found = objects.get(ConfigMap, namespace, keys.name)
    values = {**{key: text.encode() for key, text in found.data.items()}, **found.binary_data} if found else None
    return _chosen("configmap", "configmap references non-existent config key: {}", values, keys)


def secret_files(objects: Lookup, namespace: str, keys: Keys) -> dict[str, File]:
    """The keys of a Secret by path. Raises VolumeError if it, or a key, is not there."""
    found = objects.get(Secret, namespace, keys.name)
    return _chosen("secret", "references non-existent secret key: {}", found.data if found else None, keys)


def _chosen(kind: str, missing: str, values: Mapping[str, bytes] | None, keys: Keys) -> dict[str, File]:
    if values is None:
        if not keys.optional:
            raise VolumeError(f'{kind} "{keys.name}" not found')
        values = {}
    if not keys.items:
        return {check_path(key): File(value, keys.mode) for key, value in values.items()}
    files = {}
    for item in keys.items:
        if item.key in values:
            own = keys.mode if item.mode is None else item.mode
            files[check_path(item.path)] = File(values[item.key], own)
        elif not keys.optional:
            raise VolumeError(missing.format(item.key))
    return files


def downward_files(pod: Pod, items: Sequence[DownwardAPIVolumeFile], mode: int, facts: Facts) -> dict[str, File]:
    """Fields of the pod and resources of its containers, by path. Raises VariableError for others, VolumeError."""
    files = {}
    for item in items:
        own = mode if item.mode is None else item.mode
        if item.field_ref:
            _check_field(item.field_ref.field_path)
            text = field_value(pod, item.field_ref.field_path, facts)
        elif item.resource_field_ref:
            text = resource_value(pod, None, item.resource_field_ref, facts)
        else:
            raise VolumeError(f"{item.path}: has neither fieldRef nor resourceFieldRef")
        files[check_path(item.path)] = File(text.encode(), own)
    return files


def _check_field(path: str) -> None:
    # What is known only when the pod runs is no content of a volume.
    if path.partition("['")[0] not in _FIELDS:
        raise VolumeError(f"unsupported fieldPath: {path}")


def check_path(path: str) -> str:
    """`path`, if it is one below the volume that does not begin like the names that ..data needs.

    Raises VolumeError.
    """
    parts = path.split("/")
    if path.startswith("/"):
        raise VolumeError(f"invalid path: must be relative path: {path}")
    if ".." in parts or any(part in ("", ".") for part in parts) or "\0" in path:
        raise VolumeError(f"invalid path: must not contain '..': {path}")
    if path.startswith(".."):
        raise VolumeError(f"invalid path: must not start with '..': {path}")
    return path
