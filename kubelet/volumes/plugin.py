"""What kinds of volumes have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.volume import Volume
from firkin.kubelet.environment.facts import Facts, Lookup
from firkin.kubelet.volumes.places import PodPlaces

__all__ = ["Request", "VolumePlugin", "Work"]

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Request:
    """A volume of a pod that is to be set up."""

    pod: Pod
    volume: Volume
    places: PodPlaces
    objects: Lookup
    facts: Facts

    @property
    def group(self) -> int | None:
        """The group that the files of the volume shall belong to (fsGroup)."""
        return self.pod.spec.security_context.fs_group


class VolumePlugin(Protocol):
    """A kind of volumes. `kind` is its name on disk, `is_live` says that what it shows follows the objects."""

    kind: str
    is_live: bool

    def takes(self, volume: Volume) -> bool:
        """Whether a volume is of this kind."""

    def prepare(self, request: Request) -> Work:
        """Look up what is needed, without waiting; returns what does the work and may block.

        The work may be done again at any time, after a crash as well: it completes, or brings up to date, what is
        there. Both raise VolumeError, KernelError or OSError.
        """

    def path(self, request: Request) -> str:
        """What containers have bound; "" if the runtime itself finds it."""
