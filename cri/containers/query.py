"""Containers as CRI shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from firkin.cri.api import container_pb2
from firkin.cri.api.container_pb2 import ContainerFilter, ContainerResources, ContainerStatus, ContainerUser
from firkin.cri.api.image_pb2 import ImageSpec
from firkin.cri.api.security_pb2 import LinuxContainerUser
from firkin.cri.records.container import Container
from firkin.cri.sandboxes.query import has_labels
from firkin.cri.signals import cri_signal

__all__ = ["listed", "select", "status_of"]


def listed(container: Container) -> container_pb2.Container:
    """The container as a list shows it."""
    config, facts = container.config, container.facts
    return container_pb2.Container(
        id=container.id,
        pod_sandbox_id=facts.sandbox,
        metadata=config.metadata,
        image=config.image,
        image_ref=facts.image_id,
        image_id=facts.image_id,
        state=facts.state,
        created_at=facts.created_at,
        labels=config.labels,
        annotations=config.annotations,
    )


def status_of(container: Container) -> ContainerStatus:
    """The container by itself."""
    config, facts = container.config, container.facts
    return ContainerStatus(
        id=container.id,
        metadata=config.metadata,
        state=facts.state,
        created_at=facts.created_at,
        started_at=facts.started_at,
        finished_at=facts.finished_at,
        exit_code=facts.exit_code,
        image=ImageSpec(image=facts.image_name, user_specified_image=config.image.user_specified_image),
        image_ref=facts.image_id,
        image_id=facts.image_id,
        reason=facts.reason,
        message=facts.message,
        labels=config.labels,
        annotations=config.annotations,
        mounts=[_mount(one, facts.mounted_images) for one in config.mounts],
        log_path=facts.log_path,
        resources=ContainerResources(linux=config.linux.resources),
        user=_user(container),
        stop_signal=cri_signal(facts.stop_signal),
    )


def _mount(mount: container_pb2.Mount, images: Mapping[str, str]) -> container_pb2.Mount:
    if mount.container_path not in images:
        return mount
    found = container_pb2.Mount()
    found.CopyFrom(mount)
    found.image.image_ref = images[mount.container_path]
    return found


def _user(container: Container) -> ContainerUser | None:
    if not container.facts.user:
        return None
    uid, gid, *groups = container.facts.user
    return ContainerUser(linux=LinuxContainerUser(uid=uid, gid=gid, supplemental_groups=groups))


def select(containers: Iterable[Container], wanted: ContainerFilter) -> Iterator[Container]:
    """Those that meet every condition of the filter; ids may be the begin of one."""
    if not wanted.ByteSize():
        yield from containers
        return
    for container in containers:
        if (
            container.id.startswith(wanted.id)
            and container.facts.sandbox.startswith(wanted.pod_sandbox_id)
            and (not wanted.HasField("state") or wanted.state.state == container.facts.state)
            and has_labels(container.config.labels, wanted.label_selector)
        ):
            yield container
