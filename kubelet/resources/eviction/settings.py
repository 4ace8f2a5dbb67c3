"""What the agent is told of eviction: `[kubelet.eviction]`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EvictionSettings"]


@dataclass(frozen=True, slots=True)
class EvictionSettings:
    """`[kubelet.eviction]`: when pods have to go.

    `hard` are thresholds at which pods are killed, as in "memory.available<100Mi"; setting them leaves none of the
    defaults. `soft` are those at which pods are asked to end, with at most `max_pod_grace_seconds`, when the threshold
    has been met for the time in `soft_grace`, as in "memory.available=1m30s". `minimum_reclaim` is how much more must
    be free before a threshold is over, as in "nodefs.available=1Gi". A condition of the node lasts for
    `transition_seconds` at least. What is left is looked at every `interval_seconds`, and at once when one of the
    `triggers` of pressure fires, such as "memory some 150ms 2s" (docs/cgroups.md). What files take up is measured
    every `disk_seconds`.
    """

    hard: tuple[str, ...] = (
        "memory.available<100Mi", "nodefs.available<10%", "nodefs.inodesFree<5%", "imagefs.available<15%",
        "imagefs.inodesFree<5%",
    )  # fmt: skip
    soft: tuple[str, ...] = ("memory.pressure>60%",)
    soft_grace: tuple[str, ...] = ("memory.pressure=20s",)
    minimum_reclaim: tuple[str, ...] = ()
    max_pod_grace_seconds: int = 0
    transition_seconds: int = 300
    interval_seconds: int = 10
    disk_seconds: int = 60
    triggers: tuple[str, ...] = ("memory some 150ms 2s",)
