"""What is to be done so that a pod is as it is wanted: a function of what is wanted and what is."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.decision import Actions, Kill, Knowledge, unknown_kill
from firkin.kubelet.pods.identity import container_hash
from firkin.kubelet.pods.init_actions import compute_init_actions
from firkin.kubelet.pods.resize import Resize, in_order
from firkin.kubelet.pods.restart_all import must_restart_all, to_reset
from firkin.kubelet.pods.restarts import policy_of, restarts_after, should_run
from firkin.kubelet.pods.view import EXITED, RUNNING, UNKNOWN, ContainerView, PodView

__all__ = ["compute_actions", "sandbox_change"]

# How a container ends that does not heed SIGTERM.
_KILLED = 137


def sandbox_change(pod: Pod, view: PodView) -> tuple[bool, int, str]:
    """Whether a sandbox must be made, its number, and the id of the one that there is."""
    if not view.sandboxes:
        return True, 0, ""
    newest = view.sandboxes[0]
    is_alone = sum(one.ready for one in view.sandboxes) == 1
    if not newest.ready or not is_alone or newest.host_network is not pod.spec.host_network:
        return True, newest.attempt + 1, newest.id
    if not newest.host_network and not newest.ips:
        return True, newest.attempt + 1, newest.id
    return False, newest.attempt, newest.id


def compute_actions(
    pod: Pod, view: PodView, known: Mapping[str, Knowledge], resizes: Mapping[str, Resize] | None = None
) -> Actions:
    """What must be done for `pod`, of which the runtime has `view` and the probes know `known`, by container name.

    `resizes` are by container name, too, and None if the pod is not being resized.
    """
    is_new, attempt, sandbox_id = sandbox_change(pod, view)
    if must_restart_all(pod, view) and (reset := to_reset(pod, view)):
        return Actions(sandbox_id=sandbox_id, attempt=attempt, reset=reset)
    actions = Actions(kill_pod=is_new, create_sandbox=is_new, sandbox_id=sandbox_id, attempt=attempt)
    if is_new:
        _begin(pod, view, actions)
        return actions
    # Ephemeral containers look into pods that do not come up, too; they are started once.
    actions.ephemeral = [one for one in pod.spec.ephemeral_containers if view.latest(one.name) is None]
    if compute_init_actions(pod, view, known, actions) and not actions.kill_pod:
        _compute_containers(pod, view, known, actions)
    if resizes is not None and not actions.kill_pod:
        _resize(pod, view, resizes, actions)
    return actions


def _resize(pod: Pod, view: PodView, resizes: Mapping[str, Resize], actions: Actions) -> None:
    actions.resize = in_order([one for one in resizes.values() if not one.restarts and one.id not in actions.to_kill])
    for resize in resizes.values():
        if not resize.restarts or resize.id in actions.to_kill:
            continue
        name = resize.container.name
        actions.to_kill[resize.id] = Kill(name, f"Container {name} resize requires restart", restart=True)
        started, order = (
            (actions.init, pod.spec.init_containers)
            if resize.container in pod.spec.init_containers
            else (actions.containers, pod.spec.containers)
        )
        started[:] = [one for one in order if one.name == name or one in started]


def _begin(pod: Pod, view: PodView, actions: Actions) -> None:
    # The pod has no sandbox, or a useless one: everything in it begins anew, unless there is nothing to begin.
    again = actions.attempt > 0 and bool(view.containers)
    if again and not any(_may_restart(pod, one) for one in (*pod.spec.init_containers, *pod.spec.containers)):
        actions.create_sandbox = False
        return
    wanted = [one for one in pod.spec.containers if _begins(pod, one, view, again=again)]
    if not wanted and any(view.latest(one.name) for one in pod.spec.containers):
        actions.create_sandbox = False
        return
    if pod.spec.init_containers:
        actions.init = [pod.spec.init_containers[0]]
    else:
        actions.containers = wanted


def _may_restart(pod: Pod, container: Container) -> bool:
    return policy_of(pod, container) != "Never" or bool(container.restart_policy_rules)


def _begins(pod: Pod, container: Container, view: PodView, *, again: bool) -> bool:
    latest = view.latest(container.name)
    if latest is not None and latest.state == EXITED:
        return restarts_after(pod, container, latest.exit_code)
    return not again or _may_restart(pod, container)


def _compute_containers(pod: Pod, view: PodView, known: Mapping[str, Knowledge], actions: Actions) -> None:
    kept = 0
    for container in pod.spec.containers:
        latest = view.latest(container.name)
        if latest is None or latest.state != RUNNING:
            if should_run(pod, container, view):
                actions.containers.append(container)
                if latest is not None and latest.state == UNKNOWN:
                    # It may run for all we know: there must not be two.
                    actions.to_kill[latest.id] = unknown_kill("Container", container)
        elif (kill := _why_kill(pod, container, latest, known.get(container.name))) is None:
            kept += 1
        else:
            actions.to_kill[latest.id] = kill
            if kill.restart:
                actions.containers.append(container)
    if not kept and not actions.containers:
        actions.kill_pod = True
        # A sidecar does not keep a pod alive.
        actions.init = []


def _why_kill(pod: Pod, container: Container, latest: ContainerView, known: Knowledge | None) -> Kill | None:
    if latest.hash and latest.hash != container_hash(container):
        return Kill(container.name, f"Container {container.name} definition changed, will be restarted", restart=True)
    if known is None or known.failed is None:
        return None
    message = f"Container {container.name} failed {known.failed.kind.value.lower()} probe"
    restart = restarts_after(pod, container, _KILLED)
    text = f"{message}, will be restarted" if restart else message
    return Kill(container.name, text, restart=restart, grace=known.failed.grace)
