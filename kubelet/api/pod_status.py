"""The status of a pod and of its containers (core/v1)."""

from __future__ import annotations

from datetime import datetime

from firkin.kubelet.api.container import ResourceRequirements
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.api.struct import Object

__all__ = [
    "ContainerState",
    "ContainerStateRunning",
    "ContainerStateTerminated",
    "ContainerStateWaiting",
    "ContainerStatus",
    "ContainerUser",
    "HostIP",
    "LinuxContainerUser",
    "PodIP",
    "PodStatus",
    "VolumeMountStatus",
]


class ContainerStateWaiting(Object, frozen=True):
    """Not running yet, or not again."""

    reason: str = ""
    message: str = ""


class ContainerStateRunning(Object, frozen=True):
    """Running since."""

    started_at: datetime | None = None


class ContainerStateTerminated(Object, frozen=True, omit_defaults=False):
    """Ended, how and when."""

    exit_code: int
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = ""


class ContainerState(Object, frozen=True):
    """One of these; none is Waiting."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class VolumeMountStatus(Object, frozen=True):
    """How a volume was mounted."""

    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: str | None = None


class LinuxContainerUser(Object, frozen=True, omit_defaults=False):
    """The ids that the first process began with."""

    uid: int
    gid: int
    supplemental_groups: list[int] = []


class ContainerUser(Object, frozen=True):
    """The user of the first process."""

    linux: LinuxContainerUser | None = None


class ContainerStatus(Object, frozen=True, omit_defaults=False):
    """One container as it is."""

    name: str
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    ready: bool = False
    restart_count: int = 0
    image: str = ""
    image_id: str = ""
    container_id: str = ""
    started: bool | None = None
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    volume_mounts: list[VolumeMountStatus] = []
    user: ContainerUser | None = None
    stop_signal: str | None = None


class HostIP(Object, frozen=True):
    """An address of the node."""

    ip: str


class PodIP(Object, frozen=True):
    """An address of the pod."""

    ip: str


class PodStatus(Object, frozen=True):
    """The pod as it is. `phase` is Pending, Running, Succeeded, Failed or Unknown."""

    observed_generation: int | None = None
    phase: str = ""
    conditions: list[Condition] = []
    message: str = ""
    reason: str = ""
    host_ip: str = ""
    host_ips: list[HostIP] = []
    pod_ip: str = ""
    pod_ips: list[PodIP] = []
    start_time: datetime | None = None
    init_container_statuses: list[ContainerStatus] = []
    container_statuses: list[ContainerStatus] = []
    ephemeral_container_statuses: list[ContainerStatus] = []
    qos_class: str = ""
    resize: str = ""
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
