"""The revisions of a Deployment: one ReplicaSet for each template that it has had, known by annotations as Kubernetes'.

Source: the annotations that `kubectl rollout` reads (k8s.io/kubectl, util/deployment).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from firkin.kubelet.api.meta import LabelSelector, ObjectMeta
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Deployment, ReplicaSet, ReplicaSetSpec
from firkin.kubelet.workloads.pods import owner_of

__all__ = ["DESIRED", "HASH_LABEL", "MOST", "REVISION", "annotated", "new_set", "revision_of", "sized",
           "superfluous"]  # fmt: skip

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
_HISTORY = "deployment.kubernetes.io/revision-history"
# What is said of a Deployment and not of its revisions.
_OWN = frozenset(("kubectl.kubernetes.io/last-applied-configuration", REVISION, _HISTORY, DESIRED, MOST))
_SOURCES = ("kubernetes.io/config.", "firkin.io/config.")


def revision_of(item: Deployment | ReplicaSet) -> int:
    """The number of a revision, or of the one that a Deployment is at; 0 if it has none."""
    text = item.metadata.annotations.get(REVISION, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def new_set(item: Deployment, label: str, replicas: int) -> ReplicaSet:
    """The ReplicaSet of the template that a Deployment has now."""
    template = item.spec.template
    labels = {**template.metadata.labels, HASH_LABEL: label}
    selector = item.spec.selector
    return ReplicaSet(
        metadata=ObjectMeta(
            name=f"{item.metadata.name}-{label}",
            namespace=item.metadata.namespace,
            labels=labels,
            owner_references=[owner_of(item)],
        ),
        spec=ReplicaSetSpec(
            replicas=replicas,
            min_ready_seconds=item.spec.min_ready_seconds,
            selector=LabelSelector(
                match_labels={**selector.match_labels, HASH_LABEL: label}, match_expressions=selector.match_expressions
            ),
            template=replace(template, metadata=replace(template.metadata, labels=labels)),
        ),
    )


def annotated(one: ReplicaSet, item: Deployment, others: Sequence[ReplicaSet], most: int) -> ReplicaSet:
    """The ReplicaSet of the template that a Deployment has now, as the latest revision.

    Parameters: `others` are the revisions before, `most` is how many pods there may be meanwhile.
    """
    latest = max((revision_of(other) for other in others), default=0)
    annotations = {
        **one.metadata.annotations,
        **{name: text for name, text in item.metadata.annotations.items() if _is_told(name)},
        **_amounts(item.spec.replicas, most),
    }
    own = revision_of(one)
    if own <= latest:
        # It is gone back to: it was another number before.
        past = [*filter(None, annotations.get(_HISTORY, "").split(",")), *([str(own)] if own else [])]
        annotations |= {REVISION: str(latest + 1), **({_HISTORY: ",".join(past)} if past else {})}
    spec = replace(one.spec, min_ready_seconds=item.spec.min_ready_seconds)
    return replace(one, metadata=replace(one.metadata, annotations=annotations), spec=spec)


def sized(one: ReplicaSet, replicas: int, wanted: int, most: int) -> ReplicaSet:
    """A ReplicaSet with so many pods, of a Deployment that wants and may have so many."""
    annotations = {**one.metadata.annotations, **_amounts(wanted, most)}
    metadata = replace(one.metadata, annotations=annotations)
    return replace(one, metadata=metadata, spec=replace(one.spec, replicas=replicas))


def superfluous(item: Deployment, old: Sequence[ReplicaSet], pods: Sequence[Pod]) -> list[ReplicaSet]:
    """The revisions that are forgotten: those without pods, the oldest first, that are more than are remembered."""
    owners = {one.uid for pod in pods for one in pod.metadata.owner_references}
    idle = [one for one in old if not one.spec.replicas and one.metadata.uid not in owners]
    return sorted(idle, key=revision_of)[: max(len(idle) - item.spec.revision_history_limit, 0)]


def _amounts(wanted: int, most: int) -> Mapping[str, str]:
    return {DESIRED: str(wanted), MOST: str(most)}


def _is_told(name: str) -> bool:
    return name not in _OWN and not name.startswith(_SOURCES)
