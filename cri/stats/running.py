"""The containers that run, and the numbers of their cgroups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.cri.stats.gauge import Gauge, Reading

__all__ = ["Running"]


class Running:
    """Finds them, and reads their cgroups. Close it."""

    def __init__(self, node: Node) -> None:
        self._mount = node.host.hierarchy.mount
        self._gauge = Gauge()

    def close(self) -> None:
        """Close all descriptors."""
        self._gauge.close()

    def path(self, cgroup: str) -> str:
        """Where a cgroup is."""
        return f"{self._mount}/{cgroup.strip('/')}"

    def select(self, containers: Iterable[Container]) -> list[Container]:
        """Those that run."""
        return [one for one in containers if one.facts.started_at and not one.facts.finished_at]

    def read(
        self, containers: Iterable[Container], *, for_metrics: bool = False
    ) -> Iterator[tuple[Container, Reading]]:
        """Those that run, with their readings, valid until the next call. Raises CgroupError."""
        found = self.select(containers)
        readings = self._gauge.read((self.path(one.facts.cgroup) for one in found), for_metrics=for_metrics)
        for container in found:
            reading = readings.get(self.path(container.facts.cgroup))
            if reading is not None:
                yield container, reading
