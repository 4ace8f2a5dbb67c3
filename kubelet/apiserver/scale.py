"""The subresource `scale` of a Deployment or a ReplicaSet: how many pods it has, and should have (autoscaling/v1)."""

from __future__ import annotations

from typing import Any

import msgspec

from firkin.kubelet.api.workload import Deployment, ReplicaSet
from firkin.kubelet.apiserver.content import read_value
from firkin.kubelet.apiserver.status import RequestError, json_response, missing
from firkin.kubelet.apiserver.tables import selector_text
from firkin.kubelet.apiserver.target import Target
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.objects.encode import encode
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.objects.validation.check import check_change

__all__ = ["scale"]

_replace = msgspec.structs.replace


def scale(objects: Objects, request: Request, target: Target) -> Response:
    """Read the scale, or change it: all that may be changed is how many pods there should be."""
    item = objects.get(target.kind.type, target.namespace, target.name)
    if item is None:
        raise missing(target.kind, target.name)
    assert isinstance(item, Deployment | ReplicaSet)
    if request.method in ("PUT", "PATCH"):
        value = read_value(request)
        replicas = value.get("spec", {}).get("replicas") if isinstance(value, dict) else None
        if isinstance(replicas, bool) or not isinstance(replicas, int):
            raise RequestError(422, "spec.replicas: Required value")
        wanted = value.get("metadata", {}).get("resourceVersion") or item.metadata.resource_version
        metadata = _replace(item.metadata, resource_version=wanted)
        after = _replace(item, metadata=metadata, spec=_replace(item.spec, replicas=replicas))
        check_change(item, after)
        item = objects.replace(after)
    return json_response(200, _scale(item))


def _scale(item: Deployment | ReplicaSet) -> dict[str, Any]:
    metadata = item.metadata
    kept = _replace(metadata, labels={}, annotations={}, owner_references=[], finalizers=[])
    status = {"replicas": item.status.replicas, "selector": selector_text(item.spec.selector)}
    spec = {"replicas": item.spec.replicas} if item.spec.replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": encode(kept), "spec": spec, "status": status}
