"""A container of a pod, as CRI is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firkin.cri.api import container_pb2, image_pb2, resources_pb2, security_pb2, values_pb2
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.identity import container_annotations, container_labels
from firkin.kubelet.pods.security import stop_signal

__all__ = ["ContainerSetting", "container_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSetting:
    """What a container depends on beside its pod.

    `command` and `args` are those of the container, with its variables in them; `restart_count` tells it from those
    before it; `image_ref` is what the runtime calls its image.
    """

    image_ref: str
    restart_count: int
    command: Sequence[str]
    args: Sequence[str]
    environment: Sequence[tuple[str, str]]
    mounts: Sequence[container_pb2.Mount]
    resources: resources_pb2.LinuxContainerResources
    security: security_pb2.LinuxContainerSecurityContext


def container_config(pod: Pod, container: Container, setting: ContainerSetting) -> container_pb2.ContainerConfig:
    """The configuration of a container; its log is NAME/RESTARTS.log in the directory of its pod."""
    return container_pb2.ContainerConfig(
        metadata=container_pb2.ContainerMetadata(name=container.name, attempt=setting.restart_count),
        image=image_pb2.ImageSpec(image=setting.image_ref, user_specified_image=container.image),
        command=setting.command,
        args=setting.args,
        working_dir=container.working_dir,
        envs=[values_pb2.KeyValue(key=key, value=value.encode()) for key, value in setting.environment],
        mounts=setting.mounts,
        labels=container_labels(pod, container),
        annotations=container_annotations(pod, container, setting.restart_count),
        log_path=f"{container.name}/{setting.restart_count}.log",
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
        stop_signal=stop_signal(container),
        linux=container_pb2.LinuxContainerConfig(resources=setting.resources, security_context=setting.security),
    )
