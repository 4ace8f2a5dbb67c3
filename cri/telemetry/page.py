"""The page that Prometheus reads: what was counted, what there is, and the process."""

from __future__ import annotations

from collections.abc import Iterator

import firkin
from firkin.cri.api.container_pb2 import ContainerState
from firkin.cri.node import Node
from firkin.cri.telemetry.instruments import Gauge
from firkin.cri.telemetry.process import process_lines

__all__ = ["page"]


def page(node: Node) -> str:
    """The whole text."""
    lines = [*_build(), *_records(node), *node.meters.lines(), *process_lines()]
    return "\n".join(lines) + "\n"


def _build() -> Iterator[str]:
    gauge = Gauge("firkin_build_info", "The version, as a label", ("version",))
    gauge.set(firkin.__version__, to=1)
    yield from gauge.lines()


def _records(node: Node) -> Iterator[str]:
    sandboxes = Gauge("firkin_cri_sandboxes", "Pods that there are, by state", ("state",))
    for state in ("ready", "notready"):
        sandboxes.set(state, to=0)
    for sandbox in node.sandboxes:
        sandboxes.add("ready" if sandbox.facts.is_ready else "notready")
    containers = Gauge("firkin_cri_containers", "Containers that there are, by state", ("state",))
    for state in ContainerState.DESCRIPTOR.values_by_name:
        containers.set(_word(state), to=0)
    for container in node.containers:
        containers.add(_word(ContainerState.Name(container.facts.state)))
    yield from sandboxes.lines()
    yield from containers.lines()


def _word(state: str) -> str:
    return state.removeprefix("CONTAINER_").lower()
