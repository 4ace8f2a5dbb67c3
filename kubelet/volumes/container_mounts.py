"""The mounts of one container: from volumeMounts to those of CRI. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firkin.cri.api.container_pb2 import Mount, MountPropagation
from firkin.cri.api.image_pb2 import ImageSpec
from firkin.kubelet.api.container import Container, VolumeMount
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.volume import Volume
from firkin.kubelet.environment.expand import expand
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.subpath import check_part

__all__ = ["MountRequest", "Part", "container_mounts"]

_PROPAGATION = {
    None: MountPropagation.PROPAGATION_PRIVATE,
    "None": MountPropagation.PROPAGATION_PRIVATE,
    "HostToContainer": MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": MountPropagation.PROPAGATION_BIDIRECTIONAL,
}


@dataclass(frozen=True, slots=True)
class MountRequest:
    """A container that is about to be made.

    `environment` are its variables, for subPathExpr; `images` are what the runtime calls the images of image volumes,
    by the name of the volume; `can_be_recursive` says that the runtime can make mounts read-only recursively.
    """

    pod: Pod
    container: Container
    environment: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    can_be_recursive: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A part of `volume` that must be bound before the container is made: `path` below `source`, to `target`."""

    volume: str
    source: str
    path: str
    target: str


def container_mounts(
    request: MountRequest, path_of: Callable[[Volume], str], target_of: Callable[[str, int], str]
) -> tuple[list[Mount], list[Part]]:
    """The mounts, in the order of the container, and the parts that they need.

    Parameters: `path_of` tells where a volume is, `target_of` where a part of it is bound, by its name and the index
    of the mount. Raises VolumeError.
    """
    volumes = {volume.name: volume for volume in request.pod.spec.volumes}
    mounts, parts = [], []
    for index, one in enumerate(request.container.volume_mounts):
        if one.name not in volumes:
            container = request.container.name
            message = f'cannot find volume "{one.name}" to mount into container "{container}"'
            raise VolumeError(message, volume=one.name)
        volume, part = volumes[one.name], _part_of(one, request.environment)
        mount = _mount(one, can_be_recursive=request.can_be_recursive)
        mount.readonly = one.read_only or _shows_objects(volume)
        if volume.image:
            name = request.images.get(volume.name, volume.image.reference)
            mount.image.CopyFrom(ImageSpec(image=name, user_specified_image=volume.image.reference))
            mount.image_sub_path, mount.readonly = part, True
        elif part:
            mount.host_path = target_of(volume.name, index)
            parts.append(Part(volume.name, path_of(volume), part, mount.host_path))
        else:
            mount.host_path = path_of(volume)
        mounts.append(mount)
    return mounts, parts


def _shows_objects(volume: Volume) -> bool:
    # What is written there would be lost with the next change.
    return bool(volume.config_map or volume.secret or volume.projected or volume.downward_api)


def _part_of(mount: VolumeMount, environment: Mapping[str, str]) -> str:
    if not mount.sub_path_expr:
        return check_part(mount.sub_path, mount.name)
    missing: list[str] = []

    def lookup(name: str) -> str | None:
        if name not in environment:
            missing.append(name)
        return environment.get(name)

    part = expand(mount.sub_path_expr, lookup)
    if missing:
        raise VolumeError(f"missing value for {', '.join(map(repr, missing))} in subPathExpr", volume=mount.name)
    return check_part(part, mount.name)


def _mount(mount: VolumeMount, *, can_be_recursive: bool) -> Mount:
    if mount.mount_propagation not in _PROPAGATION:
        raise VolumeError(f'invalid MountPropagation mode: "{mount.mount_propagation}"', volume=mount.name)
    # What is relative is below the root.
    path = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
    return Mount(
        container_path=path,
        propagation=_PROPAGATION[mount.mount_propagation],
        recursive_read_only=_is_recursive(mount, can_be_recursive=can_be_recursive),
    )


def _is_recursive(mount: VolumeMount, *, can_be_recursive: bool) -> bool:
    wish = mount.recursive_read_only
    if wish in (None, "Disabled"):
        return False
    if wish not in ("IfPossible", "Enabled"):
        raise VolumeError(f"unknown recursive read-only mode {wish!r}", volume=mount.name)
    if not mount.read_only:
        raise VolumeError(f"volume {mount.name!r} requested recursive read-only mode, but it is not read-only",
                          volume=mount.name)  # fmt: skip
    if mount.mount_propagation not in (None, "None"):
        raise VolumeError(f"volume {mount.name!r} requested recursive read-only mode, but it is not compatible with "
                          f"propagation {mount.mount_propagation!r}", volume=mount.name)  # fmt: skip
    if wish == "Enabled" and not can_be_recursive:
        raise VolumeError(f"volume {mount.name!r} requested recursive read-only mode, but it is not supported by the "
                          "runtime", volume=mount.name)  # fmt: skip
    return can_be_recursive
