"""What `rollout` says and asks for, in kubectl's words: a function of the objects as the API has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from firkin.errors import NotFoundError, StateError
from firkin.kubelet.workloads.revisions import HASH_LABEL, REVISION

__all__ = ["history_table", "progress", "revisions", "template_of"]

Value = Mapping[str, Any]

_CAUSE = "kubernetes.io/change-cause"


def progress(value: Value) -> tuple[str, bool]:
    """How far the rollout of a Deployment or a DaemonSet is, and whether that is all of it.

    Raises StateError if its deadline has passed.
    """
    metadata, status = value["metadata"], value.get("status", {})
    if metadata.get("generation", 0) > status.get("observedGeneration", 0):
        what = "daemon set" if value["kind"] == "DaemonSet" else "deployment"
        return f"Waiting for {what} spec update to be observed...", False
    return (_daemon_set if value["kind"] == "DaemonSet" else _deployment)(metadata["name"], value, status)


def _deployment(name: str, value: Value, status: Value) -> tuple[str, bool]:
    conditions = status.get("conditions", [])
    if any(one["type"] == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded" for one in conditions):
        raise StateError(f'deployment "{name}" exceeded its progress deadline')
    begin = f'Waiting for deployment "{name}" rollout to finish: '
    wanted = value["spec"].get("replicas", 1)
    there, updated, available = (status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))
    if updated < wanted:
        return f"{begin}{updated} out of {wanted} new replicas have been updated...", False
    if there > updated:
        return f"{begin}{there - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{begin}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _daemon_set(name: str, value: Value, status: Value) -> tuple[str, bool]:
    begin = f'Waiting for daemon set "{name}" rollout to finish: '
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = (status.get(key, 0) for key in ("updatedNumberScheduled", "numberAvailable"))
    if updated < wanted:
        return f"{begin}{updated} out of {wanted} new pods have been updated...", False
    if available < wanted:
        return f"{begin}{available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def revisions(value: Value, sets: Sequence[Value]) -> dict[int, Value]:
    """The revisions of a Deployment by their numbers, of all the ReplicaSets there are."""
    uid = value["metadata"]["uid"]
    own = [one for one in sets if any(ref["uid"] == uid for ref in one["metadata"].get("ownerReferences", []))]
    found = {int(one["metadata"].get("annotations", {}).get(REVISION, 0)): one for one in own}
    return {number: found[number] for number in sorted(found)}


def history_table(found: Mapping[int, Value]) -> str:
    """The revisions with what caused them."""
    lines = ["REVISION  CHANGE-CAUSE"]
    for number, one in found.items():
        lines.append(f"{number:<10}{one['metadata'].get('annotations', {}).get(_CAUSE, '<none>')}")
    return "\n".join(lines)


def template_of(value: Value, found: Mapping[int, Value], number: int) -> Value:
    """The template of a revision, with 0 of the one before the latest; as the Deployment had it.

    Raises NotFoundError if there is no such revision.
    """
    name = value["metadata"]["name"]
    if number and number not in found:
        raise NotFoundError(f"unable to find specified revision {number} in history")
    if not number and len(found) < 2:
        raise NotFoundError(f'no rollout history found for deployment "{name}"')
    template = found[number or sorted(found)[-2]]["spec"]["template"]
    labels = {key: text for key, text in template["metadata"]["labels"].items() if key != HASH_LABEL}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}
