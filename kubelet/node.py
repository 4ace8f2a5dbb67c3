"""This machine, as pods are told of it."""

from __future__ import annotations

import ipaddress
import platform
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.config import Config
from firkin.kubelet.resources.admission import NodeFacts, Refusal, admit, resize_refusal
from firkin.kubelet.resources.eviction.thresholds import evicted_at, parse_thresholds
from firkin.kubelet.resources.node import allocatable, machine_capacity, reserved
from firkin.kubelet.resources.preemption import preempted
from firkin.kubelet.resources.qos import qos_class

__all__ = ["Machine", "node_ips", "node_name"]

_NOWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = "127.0.0.1"


class Pressures(Protocol):
    """What the node runs out of (`firkin.kubelet.resources.eviction`)."""

    def refuse(self, pod: Pod) -> Refusal | None:
        """Why a pod is not let in while the node is under pressure."""


class Machine:
    """The machine that the agent runs on. Raises OSError if the directory `root` is not there."""

    def __init__(self, config: Config) -> None:
        self.name = node_name(config.node_name)
        self.ips = node_ips(config.node_ip)
        self.capacity = machine_capacity(config.root, config.resources.max_pods)
        self.thresholds = parse_thresholds(config.eviction, allocatable=config.resources.enforce_allocatable)
        kept = reserved(config.resources)
        self.allocatable = allocatable(self.capacity, kept, evicted_at(self.thresholds, self.capacity))
        self.labels = {**_labels(self.name), **dict(one.split("=", 1) for one in config.node_labels)}
        self.pressures: Pressures | None = None
        self.preempt: Callable[[Pod], Awaitable[bool]] | None = None

    def admit(self, pod: Pod, active: Sequence[Pod]) -> Refusal | None:
        """Why the pod can not run here beside those that are active; None if it can."""
        refusal = admit(pod, active, self._facts())
        return refusal or (self.pressures.refuse(pod) if self.pressures else None)

    def resize(self, pod: Pod, active: Sequence[Pod]) -> Refusal | None:
        """Why the pod can not have what it asks for now beside those that are active; None if it can."""
        return resize_refusal(pod, active, self._facts())

    async def make_room(self, pod: Pod, active: Sequence[Pod]) -> bool:
        """End those of the active pods that must make room for a critical one; whether there were any."""
        victims = preempted(pod, active, self._facts()) if self.preempt else []
        for one in victims:
            assert self.preempt
            await self.preempt(one)
        return bool(victims)

    def _facts(self) -> NodeFacts:
        return NodeFacts(name=self.name, allocatable=self.allocatable, labels=self.labels)

    def qos_class(self, pod: Pod) -> str:
        """Guaranteed, Burstable or BestEffort."""
        return qos_class(pod)


def node_name(wanted: str = "") -> str:
    """The name of the node: the one that is wanted, else the machine's, in lower case as DNS has it."""
    return (wanted or socket.gethostname()).strip().lower()


def node_ips(wanted: str = "") -> tuple[str, ...]:
    """The addresses of the node: the one that is wanted, else those that it would talk to the world with."""
    if wanted:
        return (str(ipaddress.ip_address(wanted)),)
    return tuple(_outgoing()) or (_LOOPBACK,)


def _outgoing() -> Iterator[str]:
    for family, nowhere in _NOWHERE.items():
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
            try:
                # Of a datagram socket this asks the table of routes, and sends nothing.
                probe.connect((nowhere, 9))
            except OSError:
                continue
            yield probe.getsockname()[0]


def _labels(name: str) -> dict[str, str]:
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    system = platform.system().lower()
    return {"kubernetes.io/hostname": name, "kubernetes.io/os": system, "kubernetes.io/arch": architecture}
