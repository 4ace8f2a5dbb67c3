"""What a container's configuration is made of, looked up: on the host, in the image, among the other containers."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from firkin.cri.api.container_pb2 import ContainerConfig
from firkin.cri.api.security_pb2 import SecurityProfile
from firkin.cri.apparmor import loaded_profiles
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.host import devices_at
from firkin.cri.images.catalog import CatalogEntry
from firkin.cri.node import Node
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.sandboxes.files import pod_files
from firkin.cri.spec.inputs import HostDevice, ImageMount, Inputs, invalid
from firkin.cri.spec.labels import localhost_profile
from firkin.oci.image.config import ProcessConfig
from firkin.oci.json_text import parse
from firkin.oci.record import decode
from firkin.oci.runtime_spec import IdMapping, Seccomp
from firkin.oci.snapshots.trees import Ids
from firkin.oci.store.images import Local

__all__ = ["ids_of", "images_of", "inputs_of", "process_of_image", "volumes_of"]

_MOST_PROFILE = 1 << 20


def process_of_image(image: Local) -> ProcessConfig:
    """What the image says of the process that runs in it."""
    return image.config.config or ProcessConfig()


def volumes_of(image: Local, config: ContainerConfig) -> tuple[str, ...]:
    """The places that the image wants apart from its layers, but for those that the request mounts over."""
    asked = {os.path.normpath(mount.container_path) for mount in config.mounts}
    places = (os.path.normpath(f"/{path}") for path in process_of_image(image).volumes)
    return tuple(sorted(place for place in places if place not in asked and place != "/"))


async def images_of(node: Node, config: ContainerConfig) -> dict[str, tuple[CatalogEntry, str]]:
    """The images that the request mounts, by place, with the part that is meant. Raises ConfigError, NotFoundError."""
    found = {}
    for index, mount in enumerate(config.mounts):
        if not mount.image.image:
            continue
        if any(part == ".." for part in PurePosixPath(mount.image_sub_path).parts):
            raise invalid(f"config.mounts[{index}].image_sub_path", f"{mount.image_sub_path!r} leads out of the image")
        entry = await node.catalog.allowed(mount.image.image)
        found[mount.container_path] = (entry, mount.image_sub_path)
    return found


def _mappings(sandbox: Sandbox) -> tuple[tuple[IdMapping, ...], tuple[IdMapping, ...]]:
    if "user" not in sandbox.facts.namespaces:
        return (), ()
    options = sandbox.config.linux.security_context.namespace_options.userns_options
    uids, gids = (
        tuple(IdMapping(container_id=one.container_id, host_id=one.host_id, size=one.length) for one in ranges)
        for ranges in (options.uids, options.gids)
    )
    return uids, gids


def ids_of(sandbox: Sandbox) -> Ids | None:
    """How the ids of files are mapped in the pod's user namespace, None if it has none."""
    uids, gids = _mappings(sandbox)
    if not uids:
        return None
    return Ids(*([(one.container_id, one.host_id, one.size) for one in ranges] for ranges in (uids, gids)))


def inputs_of(
    node: Node, sandbox: Sandbox, config: ContainerConfig, id: str, image: Local, files: FileSystem
) -> Inputs:
    """All that the configuration is made of. Raises ConfigError, NotFoundError."""
    uids, gids = _mappings(sandbox)
    return Inputs(
        id=id,
        container=config,
        pod=sandbox.config,
        image=process_of_image(image),
        host=node.facts,
        rootfs=files.root,
        files=pod_files(node.places.sandbox(sandbox.id)),
        namespaces=sandbox.facts.namespaces,
        target_pid=_target(node, sandbox, config),
        passwd=files.passwd,
        group=files.group,
        volumes=files.volumes,
        host_devices=_devices(config),
        image_mounts={place: ImageMount(source) for place, source in files.images.items()},
        seccomp_profiles=_profiles(config),
        apparmor_profiles=loaded_profiles() if localhost_profile(config.linux.security_context) else None,
        uid_mappings=uids,
        gid_mappings=gids,
    )


def _target(node: Node, sandbox: Sandbox, config: ContainerConfig) -> int:
    target = config.linux.security_context.namespace_options.target_id
    if not target:
        return 0
    place = "config.linux.security_context.namespace_options.target_id"
    container = node.containers.get(target)
    if container.facts.sandbox != sandbox.id:
        raise invalid(place, f"{target} is in another sandbox")
    if not container.facts.process[0] or container.facts.finished_at:
        raise invalid(place, f"{target} does not run")
    return container.facts.process[0]


def _devices(config: ContainerConfig) -> dict[str, tuple[HostDevice, ...]]:
    return {device.host_path: tuple(devices_at(device.host_path)) for device in config.devices}


def _profiles(config: ContainerConfig) -> dict[str, Seccomp]:
    context = config.linux.security_context
    path = context.seccomp_profile_path.removeprefix("localhost/")
    if context.HasField("seccomp"):
        path = context.seccomp.localhost_ref if context.seccomp.profile_type == SecurityProfile.Localhost else ""
    elif path == context.seccomp_profile_path:
        path = ""
    if not path:
        return {}
    if not os.path.isabs(path):
        raise invalid("config.linux.security_context.seccomp.localhost_ref", f"{path!r} is not an absolute path")
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_PROFILE)
    except OSError as error:
        reason = f"{path!r}: {error.strerror}"
        raise invalid("config.linux.security_context.seccomp.localhost_ref", reason) from error
    return {path: decode(Seccomp, parse(data, path), document=path)}
