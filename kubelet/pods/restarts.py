"""Which containers are started again when they have ended: restart policies and rules."""

from __future__ import annotations

from collections.abc import Iterator

from firkin.kubelet.api.container import Container, ContainerRestartRule
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.view import EXITED, RUNNING, PodView

__all__ = ["all_containers", "is_sidecar", "policy_of", "restarts_after", "rule_after", "should_run"]


def is_sidecar(container: Container) -> bool:
    """Whether an init container runs beside the containers: its own policy is Always."""
    return container.restart_policy == "Always"


def all_containers(pod: Pod) -> Iterator[Container]:
    """Init containers, containers and ephemeral containers."""
    yield from pod.spec.init_containers
    yield from pod.spec.containers
    yield from pod.spec.ephemeral_containers


def policy_of(pod: Pod, container: Container) -> str:
    """The restart policy that counts: the container's own, else the pod's."""
    return container.restart_policy or pod.spec.restart_policy


def restarts_after(pod: Pod, container: Container, exit_code: int) -> bool:
    """Whether a container that ended with `exit_code` is started again: the first rule that matches, else policy."""
    rule = rule_after(container, exit_code)
    if rule is not None:
        return rule.action in ("Restart", "RestartAllContainers")
    policy = policy_of(pod, container)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def rule_after(container: Container, exit_code: int) -> ContainerRestartRule | None:
    """The rule that counts when a container has ended with `exit_code`: the first that matches (KEP-5307)."""
    if container.restart_policy is None:
        return None
    return next((rule for rule in container.restart_policy_rules if _matches(rule, exit_code)), None)


def _matches(rule: ContainerRestartRule, exit_code: int) -> bool:
    if rule.exit_codes is None:
        return False
    return (exit_code in rule.exit_codes.values) is (rule.exit_codes.operator == "In")


def should_run(pod: Pod, container: Container, view: PodView) -> bool:
    """Whether a container that does not run is to be started, for the first time or again."""
    if pod.metadata.deletion_timestamp is not None:
        return False
    latest = view.latest(container.name)
    if latest is None:
        return True
    if latest.state == RUNNING:
        return False
    if latest.state != EXITED:
        return True
    return restarts_after(pod, container, latest.exit_code)
