"""The Node among the objects: what this machine is and has, and how it is."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

import firkin
from firkin import log
from firkin.cri.api.runtime_pb2 import StatusResponse
from firkin.errors import FirkinError
from firkin.kubelet.api.meta import Condition, ObjectMeta
from firkin.kubelet.api.node import Node, NodeAddress, NodeStatus, NodeSystemInfo
from firkin.kubelet.node import Machine
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.pods.telling import NORMAL
from firkin.kubelet.resources.eviction.text import node_conditions
from firkin.kubelet.runtime.client import Runtime

__all__ = ["NodeKeeper", "ready_condition"]

_LOG = log.to("node")
_SECONDS = 10.0
_NEEDED = {"RuntimeReady": "container runtime not ready", "NetworkReady": "container runtime network not ready"}


class Recording(Protocol):
    """Who is told of what happens to the node, as `firkin.kubelet.events.recorder.Recorder`."""

    def record(self, item: Node, type_: str, reason: str, message: str, /) -> object:
        """Tell of something that happened to the node."""


class NodeKeeper:
    """Keeps the Node of `machine` up to date; `clock` gives the time, with its zone."""

    def __init__(
        self, objects: Objects, machine: Machine, runtime: Runtime, clock: Callable[[], datetime], recorder: Recording
    ) -> None:
        self._recorder = recorder
        self._was_ready: bool | None = None
        self._objects = objects
        self._machine = machine
        self._runtime = runtime
        self._clock = clock
        self._pressed: frozenset[str] = frozenset()
        self._version = ""

    async def run(self) -> None:
        """Look at the runtime every ten seconds, for ever."""
        while True:
            await self.update()
            await asyncio.sleep(_SECONDS)

    def press(self, conditions: frozenset[str]) -> None:
        """The node is under these pressures from now on."""
        self._pressed = conditions
        if node := self._node():
            ready = [one for one in node.status.conditions if one.type == "Ready"]
            self._write(node, [*node_conditions(conditions), *ready])

    async def update(self) -> None:
        """Write what there is to say now. What can not be written is told of, and tried again."""
        try:
            status = await self._runtime.status()
            if not self._version:
                version = await self._runtime.version()
                self._version = f"{version.runtime_name}://{version.runtime_version}"
            ready = ready_condition(status)
        except FirkinError as error:
            ready = not_ready(f"container runtime is down: {error}")
        try:
            node = self._node() or self._objects.create(Node(metadata=self._metadata()))
            self._write(node, [*node_conditions(self._pressed), ready])
        except FirkinError as error:
            _LOG.warning("can not write the status of the node: %s", error)
        self._tell(ready)

    def _tell(self, ready: Condition) -> None:
        # In the words of the kubelet, to whom it is normal.
        is_ready = ready.status == "True"
        if is_ready is self._was_ready:
            return
        self._was_ready = is_ready
        reason = "NodeReady" if is_ready else "NodeNotReady"
        if not is_ready:
            _LOG.warning("the node is not ready: %s", ready.message)
        self._recorder.record(self.node(), NORMAL, reason, f"Node {self._machine.name} status is now: {reason}")

    def node(self) -> Node:
        """The Node, as events are about it."""
        return self._node() or Node(metadata=self._metadata())

    def _node(self) -> Node | None:
        return self._objects.get(Node, "", self._machine.name)

    def _metadata(self) -> ObjectMeta:
        return ObjectMeta(name=self._machine.name, labels=self._machine.labels)

    def _write(self, node: Node, conditions: Sequence[Condition]) -> None:
        known = {one.type: one for one in node.status.conditions}
        status = NodeStatus(
            capacity=self._machine.capacity.quantities(),
            allocatable=self._machine.allocatable.quantities(),
            conditions=[self._with_time(one, known.get(one.type)) for one in conditions],
            addresses=[
                *(NodeAddress(type="InternalIP", address=ip) for ip in self._machine.ips),
                NodeAddress(type="Hostname", address=self._machine.name),
            ],
            node_info=self._info(),
        )
        # Only what is new is worth a write, and of interest to who watches.
        if status != node.status:
            self._objects.set_status(Node, "", node.metadata.name, status)

    def _with_time(self, new: Condition, old: Condition | None) -> Condition:
        if old and old.status == new.status:
            return msgspec.structs.replace(new, last_transition_time=old.last_transition_time)
        return msgspec.structs.replace(new, last_transition_time=self._clock().replace(microsecond=0))

    def _info(self) -> NodeSystemInfo:
        system = os.uname()
        return NodeSystemInfo(
            machine_id=_text("/etc/machine-id"),
            system_uuid=_text("/sys/class/dmi/id/product_uuid"),
            boot_id=_text("/proc/sys/kernel/random/boot_id"),
            kernel_version=system.release,
            os_image=_os_image(),
            container_runtime_version=self._version,
            kubelet_version=f"v{firkin.__version__}",
            architecture=self._machine.labels.get("kubernetes.io/arch", system.machine),
        )


def ready_condition(status: StatusResponse) -> Condition:
    """Whether the node is ready: whether the runtime and the network are."""
    known = {one.type: one for one in status.status.conditions}
    faults = [f"container runtime status is incomplete: {name} is missing" for name in _NEEDED if name not in known]
    faults += [
        f"{text}: {name}=false reason:{known[name].reason} message:{known[name].message}"
        for name, text in _NEEDED.items()
        if name in known and not known[name].status
    ]
    if faults:
        return not_ready(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return Condition(type="Ready", status="True", reason="KubeletReady", message="kubelet is posting ready status")


def not_ready(why: str) -> Condition:
    """The condition of a node that is not ready."""
    return Condition(type="Ready", status="False", reason="KubeletNotReady", message=why)


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
