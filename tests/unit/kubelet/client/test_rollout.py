"""What is said of a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import NotFoundError, StateError
from firkin.kubelet.client.rollout import history_table, progress, revisions, template_of


def deployment(generation: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": "d", "uid": "1", "generation": generation}
    found = {"observedGeneration": 1, **status}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 3}, "status": found}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (deployment(2), "Waiting for deployment spec update to be observed..."),
        (deployment(updatedReplicas=1),
         'Waiting for deployment "d" rollout to finish: 1 out of 3 new replicas have been updated...'),
        (deployment(updatedReplicas=3, replicas=4),
         'Waiting for deployment "d" rollout to finish: 1 old replicas are pending termination...'),
        (deployment(updatedReplicas=3, replicas=3, availableReplicas=2),
         'Waiting for deployment "d" rollout to finish: 2 of 3 updated replicas are available...'),
        ({"kind": "DaemonSet", "metadata": {"name": "d"}, "status": {"desiredNumberScheduled": 1}},
         'Waiting for daemon set "d" rollout to finish: 0 out of 1 new pods have been updated...'),
    ],
)  # fmt: skip
def test_how_far_it_is(value: dict[str, Any], text: str) -> None:
    assert progress(value) == (text, False)


def test_that_it_is_done_or_will_not_be() -> None:
    done = deployment(updatedReplicas=3, replicas=3, availableReplicas=3)
    assert progress(done) == ('deployment "d" successfully rolled out', True)
    late = deployment(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}])
    with pytest.raises(StateError, match='deployment "d" exceeded its progress deadline'):
        progress(late)


def replica_set(number: int, owner: str = "1", **annotations: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "d", "pod-template-hash": "x"}}, "spec": {"nodeName": str(number)}}
    metadata = {
        "ownerReferences": [{"uid": owner}],
        "annotations": {"deployment.kubernetes.io/revision": str(number), **annotations},
    }
    return {"metadata": metadata, "spec": {"template": template}}


def test_the_revisions_of_a_deployment() -> None:
    sets = [replica_set(10), replica_set(9, **{"kubernetes.io/change-cause": "a fix"}), replica_set(3, "other")]
    found = revisions(deployment(), sets)
    assert history_table(found) == "REVISION  CHANGE-CAUSE\n9         a fix\n10        <none>"
    assert template_of(deployment(), found, 0) == {"metadata": {"labels": {"app": "d"}}, "spec": {"nodeName": "9"}}
    assert template_of(deployment(), found, 10)["spec"] == {"nodeName": "10"}
    with pytest.raises(NotFoundError, match="unable to find specified revision 3 in history"):
        template_of(deployment(), found, 3)
    with pytest.raises(NotFoundError, match='no rollout history found for deployment "d"'):
        template_of(deployment(), {1: sets[0]}, 0)
