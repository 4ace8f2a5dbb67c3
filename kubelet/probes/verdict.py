"""What the pod's worker is told of its containers."""

from __future__ import annotations

from typing import NamedTuple

from firkin.kubelet.probes.step import Kind

__all__ = ["Failed", "Running", "Verdict"]


class Running(NamedTuple):
    """A container that runs: its id, and since when, in seconds since 1970."""

    container_id: str
    started_at: float


class Failed(NamedTuple):
    """A container must be restarted, because its probe of this kind (liveness or startup) failed.

    `message` is what the last answer said, `grace` the seconds that the container is given to end, where the probe has
    them of its own.
    """

    kind: Kind
    message: str
    grace: int | None


class Verdict(NamedTuple):
    """Whether a container that runs has started, whether it is ready, and what speaks against its life."""

    started: bool
    ready: bool
    failed: Failed | None
