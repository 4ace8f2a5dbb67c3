"""The node itself (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.meta import Condition, Resource
from firkin.kubelet.api.quantity import Quantity
from firkin.kubelet.api.struct import Object, always

__all__ = ["Node", "NodeAddress", "NodeCondition", "NodeSpec", "NodeStatus", "NodeSystemInfo"]

NodeCondition = Condition


class NodeAddress(Object, frozen=True):
    """`type` is Hostname, InternalIP or ExternalIP."""

    type: str
    address: str


class NodeSystemInfo(Object, frozen=True, omit_defaults=False):
    """What runs the pods."""

    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    kernel_version: str = ""
    os_image: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""
    operating_system: str = "linux"
    architecture: str = ""


class NodeSpec(Object, frozen=True):
    """What is wanted of it."""

    pod_cidr: str = ""
    pod_cidrs: list[str] = []
    unschedulable: bool = False


class NodeStatus(Object, frozen=True):
    """What it has, and how it is."""

    capacity: dict[str, Quantity] = {}
    allocatable: dict[str, Quantity] = {}
    conditions: list[Condition] = []
    addresses: list[NodeAddress] = []
    node_info: NodeSystemInfo = NodeSystemInfo()


class Node(Resource, frozen=True):
    """This machine."""

    api_version: str = always("v1")
    kind: str = always("Node")
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
