"""Changes of a pod that are a resize: other requests and limits of its containers or of itself, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod

__all__ = ["is_resize", "resized"]


def resized(before: Pod, after: Pod) -> Pod:
    """The pod `before` with the resources that `after` says; containers that one of both does not have stay."""
    one, other = before.spec, after.spec
    spec = replace(
        one,
        containers=_resized(one.containers, other.containers),
        init_containers=_resized(one.init_containers, other.init_containers),
        resources=other.resources,
    )
    return replace(before, spec=spec)


def is_resize(before: Pod, after: Pod) -> bool:
    """Whether the specifications of both differ, and in resources alone."""
    return before.spec != after.spec and resized(before, after).spec == after.spec


def _resized(before: Sequence[Container], after: Sequence[Container]) -> list[Container]:
    asked = {one.name: one.resources for one in after}
    return [replace(one, resources=asked.get(one.name, one.resources)) for one in before]
