"""Writes: create, update, patch and apply, each checked as the API server of Kubernetes does."""

from __future__ import annotations

from typing import Any

import msgspec

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import Job
from firkin.kubelet.apiserver.content import content_type, read_object, read_value, to_object
from firkin.kubelet.apiserver.merge import (
    PatchError,
    apply_json_patch,
    apply_merge_patch,
    apply_strategic_patch,
    merge_applied,
)
from firkin.kubelet.apiserver.status import RequestError, missing
from firkin.kubelet.apiserver.target import Target
from firkin.kubelet.http.message import Request
from firkin.kubelet.objects.defaults import complete, complete_job
from firkin.kubelet.objects.encode import encode
from firkin.kubelet.objects.kinds import kind_of
from firkin.kubelet.objects.resizes import resized
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.objects.validation.check import InvalidError, check, check_change, check_resize
from firkin.kubelet.objects.validation.resizes import same_containers
from firkin.kubelet.resources.qos import qos_class

__all__ = ["LAST_APPLIED", "Writing", "Written", "is_static"]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SOURCE = "kubernetes.io/config.source"
_TRIES = 5
_replace = msgspec.structs.replace


class Written:
    """What came of a write: the object, whether it was made, and warnings for the client."""

    def __init__(self, item: Resource, warnings: list[str], *, created: bool = False) -> None:
        self.item = item
        self.warnings = warnings
        self.created = created


def is_static(item: Resource) -> bool:
    """Whether an object is of a manifest: that is where it is changed."""
    return item.metadata.annotations.get(_SOURCE, "api") != "api"


class Writing:
    """Writes to `objects` of the node named `node`."""

    def __init__(self, objects: Objects, node: str) -> None:
        self._objects = objects
        self._node = node

    def create(self, request: Request, target: Target) -> Written:
        """A new object."""
        item, warnings = read_object(request, target)
        return Written(self._create(item, target, dry_run=_is_dry(request)), warnings, created=True)

    def update(self, request: Request, target: Target) -> Written:
        """Another state of an object, or of its status only."""
        item, warnings = read_object(request, target)
        return Written(self._store(self._current(target), item, target, dry_run=_is_dry(request)), warnings)

    def patch(self, request: Request, target: Target) -> Written:
        """A part of an object changed, by a patch of any of the four kinds."""
        kind = content_type(request)
        patch = read_value(request)
        if "apply-patch" in kind and not _is_migration(request):
            return self._apply(request, target, patch)
        before = self._current(target)
        if _is_migration(request):
            kind = "application/strategic-merge-patch+json"
        try:
            match kind:
                case "application/json-patch+json":
                    value = apply_json_patch(encode(before), patch)
                case "application/merge-patch+json":
                    value = apply_merge_patch(encode(before), patch)
                case "application/strategic-merge-patch+json":
                    value = apply_strategic_patch(encode(before), patch)
                case _:
                    raise RequestError(415, f"the body of the request was in an unknown format - {kind}")
        except PatchError as error:
            raise RequestError(422, str(error)) from error
        item, warnings = _decoded(value, target, request)
        return Written(self._store(before, item, target, dry_run=_is_dry(request)), warnings)

    def _apply(self, request: Request, target: Target, value: Any) -> Written:
        # Who applied what before is remembered where kubectl has it, so that both can be used on the same objects.
        if not isinstance(value, dict):
            raise RequestError(400, "the body is no object")
        annotations = dict((value.get("metadata") or {}).get("annotations") or {})
        annotations.pop(LAST_APPLIED, None)
        metadata = {**(value.get("metadata") or {}), "annotations": annotations}
        if target.namespace:
            metadata["namespace"] = target.namespace
        value = {**value, "metadata": metadata}
        own = msgspec.json.encode(value, order="sorted").decode() + "\n"
        before = self._objects.get(target.kind.type, target.namespace, target.name)
        if before is None:
            item, warnings = _decoded(_annotated(value, own), target, request)
            return Written(self._create(item, target, dry_run=_is_dry(request)), warnings, created=True)
        merged = merge_applied(encode(before), _last_applied(before), value)
        item, _ = to_object(_annotated(merged, own), target, "Ignore")
        _, warnings = _decoded(value, target, request)
        return Written(self._store(before, item, target, dry_run=_is_dry(request)), warnings)

    def _create(self, item: Resource, target: Target, *, dry_run: bool) -> Resource:
        item = complete(item, target.namespace or "default", self._node)
        if isinstance(item, Pod):
            # Nobody but this node could set them before it is known.
            item = _replace(item, status=PodStatus())
            item = _replace(item, status=PodStatus(phase="Pending", qos_class=qos_class(item)))
        elif hasattr(item, "status") and target.kind.name != "Node":
            item = _replace(item, status=type(item.status)())
        metadata = _replace(item.metadata, uid="", resource_version="", annotations=dict(item.metadata.annotations))
        if is_static(item):
            metadata.annotations.pop(_SOURCE)
        item = _replace(item, metadata=metadata)
        if isinstance(item, Job):
            item = self._with_uid(item)
        check(item)
        return item if dry_run else self._objects.create(item)

    def _with_uid(self, job: Job) -> Job:
        import uuid

        uid = str(uuid.uuid4())
        return complete_job(_replace(job, metadata=_replace(job.metadata, uid=uid)), uid)

    def _current(self, target: Target) -> Resource:
        before = self._objects.get(target.kind.type, target.namespace, target.name)
        if before is None:
            raise missing(target.kind, target.name)
        return before

    def _store(self, before: Resource, item: Resource, target: Target, *, dry_run: bool) -> Resource:
        version = item.metadata.resource_version
        if target.part == "status":
            item = _replace(before, status=getattr(item, "status", None))
        elif target.part == "ephemeralcontainers":
            assert isinstance(before, Pod) and isinstance(item, Pod)
            spec = _replace(before.spec, ephemeral_containers=item.spec.ephemeral_containers)
            item = complete(_replace(before, spec=spec), before.metadata.namespace, self._node)
        elif is_static(before):
            raise static_refusal(before)
        elif target.part == "resize":
            assert isinstance(before, Pod) and isinstance(item, Pod)
            if faults := list(same_containers(before, item)):
                raise InvalidError(before, faults)
            item = resized(before, item)
        elif hasattr(before, "status"):
            item = _replace(item, status=before.status)
        item = complete(item, before.metadata.namespace or "default", self._node)
        annotations = item.metadata.annotations
        if not is_static(before):
            # What has it belongs to a source.
            annotations = {name: text for name, text in annotations.items() if name != _SOURCE}
        metadata = _replace(
            item.metadata,
            annotations=annotations,
            uid=item.metadata.uid or before.metadata.uid,
            resource_version=version or before.metadata.resource_version,
            creation_timestamp=before.metadata.creation_timestamp,
        )
        item = _replace(item, metadata=metadata)
        if target.part == "resize":
            assert isinstance(before, Pod) and isinstance(item, Pod)
            check_resize(before, item)
        else:
            check_change(before, item)
        return item if dry_run else self._objects.replace(item)


def static_refusal(item: Resource) -> RequestError:
    """What is of a manifest can not be changed through the API."""
    where = item.metadata.annotations.get("firkin.io/config.origin", item.metadata.annotations[_SOURCE])
    what = f'{kind_of(type(item)).resource} "{item.metadata.name}"'
    return RequestError(403, f"{what} is forbidden: it is of a manifest: change or remove {where}")


def _decoded(value: Any, target: Target, request: Request) -> tuple[Resource, list[str]]:
    if not isinstance(value, dict):
        raise RequestError(422, "the patch leaves no object")
    return to_object(value, target, request.parameter("fieldValidation", "Warn"))


def _annotated(value: dict[str, Any], own: str) -> dict[str, Any]:
    metadata = value.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), LAST_APPLIED: own}
    return {**value, "metadata": {**metadata, "annotations": annotations}}


def _last_applied(before: Resource) -> Any:
    try:
        return msgspec.json.decode(before.metadata.annotations.get(LAST_APPLIED, "{}"))
    except msgspec.DecodeError:
        return {}


def _is_migration(request: Request) -> bool:
    # kubectl writes the annotation for its other way to apply: no more than that is in the body.
    return request.parameter("fieldManager") == "kubectl-last-applied"


def _is_dry(request: Request) -> bool:
    return "All" in request.query.get("dryRun", [])
