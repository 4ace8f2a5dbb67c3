"""Volumes of a pod, and where its containers mount them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from firkin.kubelet.api.container import VolumeMount
from firkin.kubelet.api.volume import DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume
from firkin.kubelet.objects.validation import names, numbers
from firkin.kubelet.objects.validation.fault import (
    Fault,
    Faults,
    duplicate,
    forbidden,
    invalid,
    join,
    one_of,
    required,
)

__all__ = ["field_path", "local_path", "mounts", "resource_field", "volumes"]

_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations", "spec.nodeName",
    "spec.serviceAccountName", "status.podIP", "status.podIPs", "status.hostIP", "status.hostIPs",
)  # fmt: skip
_HOST_PATHS = (
    "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice",
)  # fmt: skip


def volumes(path: str, values: Sequence[Volume]) -> Faults:
    """The volumes of a pod."""
    seen: set[str] = set()
    for number, volume in enumerate(values):
        place = f"{path}[{number}]"
        yield from names.label_name(join(place, "name"), volume.name)
        if volume.name in seen:
            yield duplicate(join(place, "name"), volume.name)
        seen.add(volume.name)
        yield from _source(place, volume)


def _source(path: str, volume: Volume) -> Faults:
    given = [name for name in volume.__struct_fields__ if name != "name" and getattr(volume, name) is not None]
    if len(given) > 1:
        yield forbidden(path, "may not specify more than 1 volume type")
    if volume.empty_dir is not None:
        yield from numbers.quantity(join(path, "emptyDir.sizeLimit"), volume.empty_dir.size_limit)
        yield from _medium(join(path, "emptyDir.medium"), volume.empty_dir.medium)
        # With the bit that lets nobody remove the files of others.
        yield from _mode(join(path, "emptyDir.mode"), volume.empty_dir.mode, most=0o1777)
    if volume.host_path is not None:
        yield from _host_path(join(path, "hostPath"), volume.host_path.path, volume.host_path.type)
    if volume.config_map is not None:
        yield from _named(join(path, "configMap.name"), volume.config_map.name)
        yield from _items(join(path, "configMap"), volume.config_map.items, volume.config_map.default_mode)
    if volume.secret is not None:
        yield from _named(join(path, "secret.secretName"), volume.secret.secret_name)
        yield from _items(join(path, "secret"), volume.secret.items, volume.secret.default_mode)
    if volume.downward_api is not None:
        yield from _mode(join(path, "downwardAPI.defaultMode"), volume.downward_api.default_mode)
        yield from _files(join(path, "downwardAPI.items"), volume.downward_api.items)
    if volume.projected is not None:
        yield from _projected(join(path, "projected"), volume.projected)
    if volume.image is not None:
        yield from _named(join(path, "image.reference"), volume.image.reference)
        policies = ("Always", "IfNotPresent", "Never")
        yield from one_of(join(path, "image.pullPolicy"), volume.image.pull_policy, policies)


def _medium(path: str, medium: str) -> Faults:
    if medium not in ("", "Memory") and not medium.startswith("HugePages"):
        yield from one_of(path, medium, ("Memory", "HugePages"))


def _host_path(path: str, where: str, kind: str | None) -> Faults:
    if not where:
        yield required(join(path, "path"))
    elif ".." in where.split("/"):
        yield invalid(join(path, "path"), where, "must not contain '..'")
    yield from one_of(join(path, "type"), kind, _HOST_PATHS)


def _named(path: str, name: str) -> Faults:
    if not name:
        yield required(path)


def _items(path: str, items: Sequence[KeyToPath], default_mode: int | None = None) -> Faults:
    yield from _mode(join(path, "defaultMode"), default_mode)
    for number, item in enumerate(items):
        place = f"{path}.items[{number}]"
        yield from _named(join(place, "key"), item.key)
        yield from local_path(join(place, "path"), item.path)
        yield from _mode(join(place, "mode"), item.mode)


def _files(path: str, files: Sequence[DownwardAPIVolumeFile]) -> Faults:
    for number, file in enumerate(files):
        place = f"{path}[{number}]"
        yield from local_path(join(place, "path"), file.path)
        yield from _mode(join(place, "mode"), file.mode)
        if file.field_ref is None and file.resource_field_ref is None:
            yield required(place, "one of fieldRef and resourceFieldRef is required")
        elif file.field_ref is not None and file.resource_field_ref is not None:
            yield invalid(place, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
        elif file.field_ref is not None:
            yield from field_path(join(place, "fieldRef.fieldPath"), file.field_ref.field_path)
        elif file.resource_field_ref is not None:
            yield from resource_field(join(place, "resourceFieldRef"), file.resource_field_ref.resource)
            yield from _named(join(place, "resourceFieldRef.containerName"), file.resource_field_ref.container_name)


def _projected(path: str, value: ProjectedVolumeSource) -> Faults:
    yield from _mode(join(path, "defaultMode"), value.default_mode)
    for number, source in enumerate(value.sources):
        place = f"{path}.sources[{number}]"
        given = [one for one in (source.config_map, source.secret, source.downward_api) if one is not None]
        if len(given) > 1:
            yield forbidden(place, "may not specify more than 1 volume type per source")
        elif not given:
            yield required(place, "must specify a volume source that this node has: configMap, secret, downwardAPI")
        if source.config_map is not None:
            yield from _named(join(place, "configMap.name"), source.config_map.name)
            yield from _items(join(place, "configMap"), source.config_map.items)
        if source.secret is not None:
            yield from _named(join(place, "secret.name"), source.secret.name)
            yield from _items(join(place, "secret"), source.secret.items)
        if source.downward_api is not None:
            yield from _files(join(place, "downwardAPI.items"), source.downward_api.items)


def field_path(path: str, value: str) -> Faults:
    """A field of the pod that it may be told."""
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", value)
    if not value:
        yield required(path)
    elif keyed:
        yield from names.qualified(path, keyed[2])
    elif value not in _FIELDS:
        yield from one_of(path, value, _FIELDS)


def resource_field(path: str, value: str) -> Faults:
    """A resource of a container that it may be told."""
    place = join(path, "resource")
    if not value:
        yield required(place)
    elif not re.fullmatch(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)", value):
        choices = [
            f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
        ]
        yield from one_of(place, value, choices)


def mounts(path: str, values: Sequence[VolumeMount], known: Iterable[str]) -> Faults:
    """The mounts of a container; `known` are the names of the pod's volumes."""
    known = set(known)
    seen: set[str] = set()
    for number, mount in enumerate(values):
        place = f"{path}[{number}]"
        if not mount.name:
            yield required(join(place, "name"))
        elif mount.name not in known:
            yield Fault(join(place, "name"), "FieldValueNotFound", f'Not found: "{mount.name}"')
        if not mount.mount_path:
            yield required(join(place, "mountPath"))
        elif mount.mount_path in seen:
            yield invalid(join(place, "mountPath"), mount.mount_path, "must be unique")
        seen.add(mount.mount_path)
        yield from _sub_path(place, mount)
        propagations = ("Bidirectional", "HostToContainer", "None")
        yield from one_of(join(place, "mountPropagation"), mount.mount_propagation, propagations)
        yield from _recursive(place, mount)


def _sub_path(path: str, mount: VolumeMount) -> Faults:
    if mount.sub_path and mount.sub_path_expr:
        yield invalid(join(path, "subPathExpr"), mount.sub_path_expr, "subPathExpr and subPath are mutually exclusive")
    for field, value in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
        if value:
            yield from local_path(join(path, field), value)


def _recursive(path: str, mount: VolumeMount) -> Faults:
    place = join(path, "recursiveReadOnly")
    yield from one_of(place, mount.recursive_read_only, ("Disabled", "Enabled", "IfPossible"))
    if mount.recursive_read_only in ("Enabled", "IfPossible"):
        if not mount.read_only:
            yield forbidden(place, "may only be specified when readOnly is true")
        elif mount.mount_propagation not in (None, "None"):
            yield forbidden(place, "may only be specified when mountPropagation is None or not specified")


def _mode(path: str, mode: int | None, most: int = 0o777) -> Faults:
    if mode is not None and not 0 <= mode <= most:
        yield invalid(path, mode, f"must be a number between 0 and 0{most:o} (octal), both inclusive")


def local_path(path: str, value: str) -> Faults:
    """A path within a volume."""
    if not value:
        yield required(path)
    elif value.startswith("/"):
        yield invalid(path, value, "must be a relative path")
    elif ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")
