"""Containers of a pod (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.probe import Lifecycle, Probe
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.api.security import SecurityContext
from firkin.kubelet.api.struct import Object
from firkin.kubelet.api.volume import ObjectFieldSelector, ResourceFieldSelector

__all__ = [
    "Container",
    "ContainerPort",
    "ContainerResizePolicy",
    "ContainerRestartRule",
    "ContainerRestartRuleOnExitCodes",
    "EnvFromSource",
    "EnvSource",
    "EnvVar",
    "EnvVarSource",
    "EphemeralContainer",
    "FileKeySelector",
    "KeySelector",
    "ResourceRequirements",
    "VolumeMount",
]


class ContainerPort(Object, frozen=True):
    """A port that the container listens at; `host_port` makes it one of the machine."""

    container_port: int
    name: str = ""
    host_port: int = 0
    host_ip: str = ""
    protocol: str = "TCP"


class KeySelector(Object, frozen=True):
    """A key of a ConfigMap or a Secret."""

    key: str
    name: str = ""
    optional: bool | None = None


class FileKeySelector(Object, frozen=True):
    """A variable in a file of a volume, `NAME='value'`; `optional` says that file and variable may be missing."""

    volume_name: str
    path: str
    key: str
    optional: bool | None = None


class EnvVarSource(Object, frozen=True):
    """Where the value of a variable comes from: exactly one of these."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None
    file_key_ref: FileKeySelector | None = None


class EnvVar(Object, frozen=True):
    """A variable; $(NAME) in `value` is another one's."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class EnvSource(Object, frozen=True):
    """A whole ConfigMap or Secret."""

    name: str = ""
    optional: bool | None = None


class EnvFromSource(Object, frozen=True):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: str = ""
    config_map_ref: EnvSource | None = None
    secret_ref: EnvSource | None = None


class ResourceRequirements(Object, frozen=True):
    """What is set aside (`requests`) and what is the most (`limits`)."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}


class ContainerResizePolicy(Object, frozen=True):
    """Whether a change of a resource restarts the container."""

    resource_name: str
    restart_policy: str


class VolumeMount(Object, frozen=True):
    """Where the container sees a volume, or a part of one."""

    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: str | None = None
    sub_path: str = ""
    sub_path_expr: str = ""
    mount_propagation: str | None = None


class ContainerRestartRuleOnExitCodes(Object, frozen=True):
    """`operator` is In or NotIn."""

    operator: str
    values: list[int] = []


class ContainerRestartRule(Object, frozen=True):
    """What to do after which exit codes; the first that matches counts."""

    action: str
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class Container(Object, frozen=True):
    """One container. `restart_policy` Always makes an init container a sidecar."""

    name: str
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    ports: list[ContainerPort] = []
    env_from: list[EnvFromSource] = []
    env: list[EnvVar] = []
    resources: ResourceRequirements = ResourceRequirements()
    resize_policy: list[ContainerResizePolicy] = []
    restart_policy: str | None = None
    restart_policy_rules: list[ContainerRestartRule] = []
    volume_mounts: list[VolumeMount] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainer(Container, frozen=True):
    """A container added to a running pod to look into it."""

    target_container_name: str = ""
