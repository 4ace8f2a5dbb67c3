"""Pods, and what a runtime has of them, for tables of tests: the least that says what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firkin.kubelet.api.container import Container, ContainerRestartRule, ContainerRestartRuleOnExitCodes
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.probe import Probe
from firkin.kubelet.pods.identity import container_hash
from firkin.kubelet.pods.view import CREATED, EXITED, RUNNING, UNKNOWN, ContainerView, PodView, SandboxView

__all__ = [
    "PROBED",
    "container",
    "exited",
    "lost",
    "made",
    "make_pod",
    "restarting_on",
    "runs",
    "sandbox",
    "sidecar",
    "view",
]

PROBED = Probe()


def container(name: str, **more: Any) -> Container:
    """A container."""
    return Container(name=name, image="image", **more)


def sidecar(name: str, **more: Any) -> Container:
    """An init container that runs beside the others."""
    return container(name, restart_policy="Always", **more)


def restarting_on(*codes: int, operator: str = "In", action: str = "Restart") -> list[ContainerRestartRule]:
    """The rule to start again, or to do something else, after these exit codes."""
    on = ContainerRestartRuleOnExitCodes(operator=operator, values=list(codes))
    return [ContainerRestartRule(action=action, exit_codes=on)]


def make_pod(*containers: Container, init: Sequence[Container] = (), policy: str = "Always", **more: Any) -> Pod:
    """A pod; without containers it has one, a."""
    spec = PodSpec(
        containers=list(containers) or [container("a")], init_containers=list(init), restart_policy=policy, **more
    )
    return Pod(metadata=ObjectMeta(name="web", namespace="default", uid="uid"), spec=spec)


def sandbox(id: str = "s0", *, ready: bool = True, **more: Any) -> SandboxView:
    """A sandbox that has an address."""
    return SandboxView(id=id, ready=ready, **{"ips": ("10.0.0.2",), **more})


def view(*containers: ContainerView, sandboxes: Sequence[SandboxView] | None = None) -> PodView:
    """What the runtime has, the containers newest first; one sandbox that is ready if nothing else is said."""
    found = (sandbox(),) if sandboxes is None else tuple(sandboxes)
    return PodView(uid="uid", sandboxes=found, containers=containers)


def _seen(name: str, state: Any, **more: Any) -> ContainerView:
    fields = {"id": f"{name}-id", "hash": container_hash(container(name)), "sandbox_id": "s0", **more}
    return ContainerView(name=name, state=state, **fields)


def made(name: str, **more: Any) -> ContainerView:
    """A container that was never started."""
    return _seen(name, CREATED, **more)


def runs(name: str, **more: Any) -> ContainerView:
    """A container that runs."""
    return _seen(name, RUNNING, started_at=1_000_000_000, **more)


def exited(name: str, exit_code: int = 0, **more: Any) -> ContainerView:
    """A container that has ended."""
    times = {"started_at": 1_000_000_000, "finished_at": 2_000_000_000, "reason": "Error" if exit_code else "Completed"}
    return _seen(name, EXITED, **{"exit_code": exit_code, **times, **more})


def lost(name: str, **more: Any) -> ContainerView:
    """A container of which nothing is known."""
    return _seen(name, UNKNOWN, **more)
