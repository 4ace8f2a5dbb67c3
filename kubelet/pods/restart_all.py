"""Restarting all containers of a pod in its sandbox, after one of them has ended as a rule says (KEP-5532)."""

from __future__ import annotations

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.restarts import rule_after
from firkin.kubelet.pods.view import EXITED, ContainerView, PodView

__all__ = ["ACTION", "CONDITION", "REASON", "could_restart_all", "must_restart_all", "restarting_condition", "to_reset"]

ACTION = "RestartAllContainers"
"""The action of a rule."""
CONDITION = "AllContainersRestarting"
"""The type of the condition that is true until the containers of before are gone."""
REASON = "RestartingAllContainers"
"""Why a container has ended, and waits, that was removed for this."""


def could_restart_all(pod: Pod) -> bool:
    """Whether the end of one of its containers may restart all of them."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    return any(rule.action == ACTION for one in containers for rule in one.restart_policy_rules)


def must_restart_all(pod: Pod, view: PodView) -> bool:
    """Whether all containers are to be removed and begun anew: one ended so, or their removal was begun before."""
    if not could_restart_all(pod):
        return False
    is_begun = any(one.type == CONDITION and one.status == "True" for one in pod.status.conditions)
    return is_begun or bool(_sources(pod, view))


def to_reset(pod: Pod, view: PodView) -> list[ContainerView]:
    """The containers to be removed, in this order: the ends that are the reason come last.

    Whoever is killed before the last of them is gone finds the reason again.
    """
    names = {one.name for one in (*pod.spec.init_containers, *pod.spec.containers)}
    sources = _sources(pod, view)
    others = [one for one in view.containers if one.name in names and one not in sources]
    return [*others, *sources]


def restarting_condition(pod: Pod, view: PodView, phase: str) -> Condition | None:
    """The condition of a pod that could restart all of its containers; None of others."""
    if not could_restart_all(pod):
        return None
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        return Condition(type=CONDITION, status="False", reason=reason)
    if not must_restart_all(pod, view) or not to_reset(pod, view):
        return Condition(type=CONDITION, status="False")
    message = "container exited with restart policy rule"
    return Condition(type=CONDITION, status="True", reason="RestartAllContainersStarted", message=message)


def _sources(pod: Pod, view: PodView) -> list[ContainerView]:
    found = []
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        latest = view.latest(container.name)
        if latest is None or latest.state != EXITED:
            continue
        rule = rule_after(container, latest.exit_code)
        if rule is not None and rule.action == ACTION:
            found.append(latest)
    return found
