"""What is mounted: the kernel's file systems, the pod's files, and what the request asks for, in this order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from firkin.cri.api import container_pb2, security_pb2
from firkin.cri.api.container_pb2 import MountPropagation
from firkin.cri.spec.inputs import Inputs, invalid
from firkin.oci.runtime_spec import IdMapping, Mount

__all__ = ["mounts_of", "rootfs_propagation_of"]

_PROPAGATION = {
    MountPropagation.PROPAGATION_PRIVATE: "rprivate",
    MountPropagation.PROPAGATION_HOST_TO_CONTAINER: "rslave",
    MountPropagation.PROPAGATION_BIDIRECTIONAL: "rshared",
}


def mounts_of(inputs: Inputs) -> tuple[Mount, ...]:
    """The mounts. Raises ConfigError."""
    asked = [*_asked(inputs), *_volumes(inputs)]
    covered = {posixpath.normpath(mount.destination) for mount in asked}
    own = [mount for mount in (*_kernel(inputs), *_pod_files(inputs)) if mount.destination not in covered]
    # A mount below another one comes after it, whatever the order of the request.
    asked.sort(key=lambda mount: posixpath.normpath(mount.destination).count("/"))
    return (*own, *asked)


def rootfs_propagation_of(inputs: Inputs) -> str:
    """How mounts go between the root file system and the host: as the mount that goes furthest needs it."""
    modes = {mount.propagation for mount in inputs.container.mounts}
    if MountPropagation.PROPAGATION_BIDIRECTIONAL in modes:
        return "rshared"
    return "rslave" if MountPropagation.PROPAGATION_HOST_TO_CONTAINER in modes else ""


def _kernel(inputs: Inputs) -> Iterator[Mount]:
    context = inputs.container.linux.security_context
    access = "rw" if context.privileged else "ro"
    yield _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev")
    yield _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k")
    yield _mount(
        "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
    )
    yield _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
    # A sysfs can be mounted only by who owns the network namespace.
    if "user" in inputs.namespaces and "network" not in inputs.namespaces:
        yield _mount("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", access)
    else:
        yield _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access)
    yield _mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", access)
    if inputs.files.shm:
        yield _mount("/dev/shm", "bind", inputs.files.shm, "rbind", "rw")
    else:
        yield _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k")


def _pod_files(inputs: Inputs) -> Iterator[Mount]:
    access = "ro" if inputs.container.linux.security_context.readonly_rootfs else "rw"
    files = inputs.files
    places = (("/etc/hostname", files.hostname), ("/etc/hosts", files.hosts), ("/etc/resolv.conf", files.resolv_conf))
    for destination, source in places:
        if source:
            yield _mount(destination, "bind", source, "rbind", "rprivate", access)


def _asked(inputs: Inputs) -> Iterator[Mount]:
    for index, mount in enumerate(inputs.container.mounts):
        place = f"config.mounts[{index}]"
        if not mount.container_path.startswith("/"):
            raise invalid(f"{place}.container_path", f"{mount.container_path!r} is not an absolute path")
        if mount.HasField("image") and mount.image.image:
            yield _image(inputs, mount, place)
        else:
            yield _bound(mount, place)


def _volumes(inputs: Inputs) -> Iterator[Mount]:
    for place, source in inputs.volumes.items():
        yield _mount(place, "bind", source, "rbind", "rprivate", "rw")


def _bound(mount: container_pb2.Mount, place: str) -> Mount:
    if not mount.host_path:
        raise invalid(f"{place}.host_path", "is empty, and so is image")
    if mount.image_sub_path:
        raise invalid(f"{place}.image_sub_path", "goes with image")
    options = ["rbind", _PROPAGATION[mount.propagation], *_access(mount, place), *mount.mount_options]
    mappings: dict[str, Any] = {
        "uid_mappings": tuple(_mapping(one) for one in mount.uidMappings),
        "gid_mappings": tuple(_mapping(one) for one in mount.gidMappings),
    }
    return Mount(
        destination=mount.container_path,
        type="bind",
        source=mount.host_path,
        options=tuple(options),
        **{name: value for name, value in mappings.items() if value},
    )


def _access(mount: container_pb2.Mount, place: str) -> tuple[str, ...]:
    if not mount.recursive_read_only:
        return ("ro",) if mount.readonly else ("rw",)
    # What a mount below is cannot be promised where others may mount below it.
    if not mount.readonly:
        raise invalid(f"{place}.recursive_read_only", "needs readonly")
    if mount.propagation != MountPropagation.PROPAGATION_PRIVATE:
        raise invalid(f"{place}.recursive_read_only", "needs PROPAGATION_PRIVATE")
    return ("ro", "rro")


def _image(inputs: Inputs, mount: container_pb2.Mount, place: str) -> Mount:
    if mount.host_path:
        raise invalid(f"{place}.host_path", "is set, and so is image")
    if not mount.readonly:
        raise invalid(f"{place}.readonly", "an image is mounted read-only", hint="set it")
    source = inputs.image_mounts[mount.container_path].source
    return Mount(destination=mount.container_path, type="bind", source=source, options=("rbind", "rprivate", "ro"))


def _mapping(one: security_pb2.IDMapping) -> IdMapping:
    return IdMapping(container_id=one.container_id, host_id=one.host_id, size=one.length)


def _mount(destination: str, kind: str, source: str, *options: str) -> Mount:
    return Mount(destination=destination, type=kind, source=source, options=options)
