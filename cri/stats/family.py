"""Metrics in CRI's terms: what they are called, and how their values are written down."""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from firkin.cri.api.stats_pb2 import Metric, MetricType

__all__ = ["COUNTER", "GAUGE", "LABELS", "Family", "Series"]

COUNTER, GAUGE = MetricType.COUNTER, MetricType.GAUGE

LABELS = ("id", "name", "image", "container", "pod", "namespace")
"""What every metric of a container or a pod is labelled with: its cgroup, its id, and its names."""


class Family(NamedTuple):
    """One metric: `labels` are those that it has besides `LABELS`."""

    name: str
    help: str
    kind: MetricType
    labels: tuple[str, ...] = ()


class Series:
    """Adds values to a list of metrics: they are all of one container or pod, and of one moment.

    Parameters: `timestamp` is in nanoseconds since the epoch, `labels` are the values of `LABELS`.
    """

    __slots__ = ("_add", "_labels", "_timestamp")

    def __init__(
        self, metrics: RepeatedCompositeFieldContainer[Metric], timestamp: int, labels: tuple[str, ...]
    ) -> None:
        self._add = metrics.add
        self._timestamp = timestamp
        self._labels = labels

    def add(self, family: Family, value: int, *labels: str) -> None:
        """Add a value, `labels` being those of its family."""
        # As many as this there are hundreds of times: this is the fastest way to make one.
        metric = self._add(
            name=family.name,
            timestamp=self._timestamp,
            metric_type=family.kind,
            label_values=(*self._labels, *labels),
        )
        metric.value.value = value
