"""Events of pods and their containers."""

from __future__ import annotations

from typing import Protocol

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod

__all__ = ["NORMAL", "WARNING", "Recorder", "field_path"]

NORMAL, WARNING = "Normal", "Warning"


class Recorder(Protocol):
    """Who keeps events (`firkin.kubelet.events.recorder`)."""

    def record(self, about: Pod, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Something happened to the pod, or to the container in it that `field_path` names."""


def field_path(pod: Pod, container: Container) -> str:
    """Where a container is in its pod, as events name it: spec.containers{web}."""
    for kind, containers in (("init", pod.spec.init_containers), ("ephemeral", pod.spec.ephemeral_containers)):
        if any(one.name == container.name for one in containers):
            return f"spec.{kind}Containers{{{container.name}}}"
    return f"spec.containers{{{container.name}}}"
