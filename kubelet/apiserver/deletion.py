"""Deletes, and what becomes of the objects that belong to what is deleted."""

from __future__ import annotations

from typing import Any

import msgspec

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.apiserver.content import read_value
from firkin.kubelet.apiserver.reading import Wanted
from firkin.kubelet.apiserver.status import RequestError, json_response, missing, success
from firkin.kubelet.apiserver.target import Target
from firkin.kubelet.apiserver.writing import is_static, static_refusal
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.objects.encode import encode
from firkin.kubelet.objects.errors import ConflictError
from firkin.kubelet.objects.kinds import KINDS
from firkin.kubelet.objects.store import Objects

__all__ = ["FOREGROUND", "Deletion"]

FOREGROUND = "foregroundDeletion"
_POLICIES = ("", "Background", "Foreground", "Orphan")
_replace = msgspec.structs.replace


class Deletion:
    """Deletes of `objects`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def delete(self, request: Request, target: Target) -> Response:
        """One object; a pod when it has ended."""
        before = self._objects.get(target.kind.type, target.namespace, target.name)
        if before is None:
            raise missing(target.kind, target.name)
        options = _options(request)
        _check_preconditions(before, options)
        if not _is_dry(request, options):
            before = self._delete(before, options)
            if self._objects.by_uid(target.kind.type, before.metadata.uid) is not None:
                return json_response(200, encode(before))
        return success(target.kind, target.name, before.metadata.uid)

    def delete_all(self, request: Request, target: Target) -> Response:
        """All objects that a request means."""
        wanted = Wanted(request, target)
        options = _options(request)
        found = [one for one in self._objects.list(target.kind.type, target.namespace) if wanted.matches(one)]
        if not _is_dry(request, options):
            found = [self._delete(one, options) for one in found if not is_static(one)]
        metadata = {"resourceVersion": self._objects.version}
        kind = f"{target.kind.name}List"
        items = [encode(one) for one in found]
        value = {"kind": kind, "apiVersion": target.kind.api_version, "metadata": metadata, "items": items}
        return json_response(200, value)

    def _delete(self, item: Resource, options: dict[str, Any]) -> Resource:
        if is_static(item):
            raise static_refusal(item)
        policy = options.get("propagationPolicy") or ""
        if options.get("orphanDependents"):
            policy = "Orphan"
        if policy not in _POLICIES:
            raise RequestError(422, f"propagationPolicy: Unsupported value: {policy!r}")
        if policy == "Orphan":
            self._orphan(item)
        elif policy == "Foreground":
            self._wait_for_dependents(item)
        grace = options.get("gracePeriodSeconds")
        where = (item.metadata.namespace, item.metadata.name)
        gone = self._objects.delete(type(item), *where, _grace(item, grace))
        return gone or item

    def _orphan(self, owner: Resource) -> None:
        for kind in KINDS:
            for item in self._objects.list(kind.type, owner.metadata.namespace):
                kept = [one for one in item.metadata.owner_references if one.uid != owner.metadata.uid]
                if len(kept) < len(item.metadata.owner_references):
                    self._objects.replace(_replace(item, metadata=_replace(item.metadata, owner_references=kept)))

    def _wait_for_dependents(self, item: Resource) -> None:
        if FOREGROUND not in item.metadata.finalizers:
            finalizers = [*item.metadata.finalizers, FOREGROUND]
            self._objects.replace(_replace(item, metadata=_replace(item.metadata, finalizers=finalizers)))


def _grace(item: Resource, seconds: Any) -> int | None:
    if seconds is None or not isinstance(item, Pod):
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
        raise RequestError(422, "gracePeriodSeconds: must be greater than or equal to 0")
    return seconds


def _options(request: Request) -> dict[str, Any]:
    options = read_value(request) if request.body else {}
    if not isinstance(options, dict):
        raise RequestError(400, "the body is no DeleteOptions")
    for name in ("gracePeriodSeconds", "propagationPolicy"):
        text = request.parameter(name)
        if text:
            options = {**options, name: int(text) if text.isascii() and text.isdecimal() else text}
    return options


def _check_preconditions(item: Resource, options: dict[str, Any]) -> None:
    wanted = options.get("preconditions") or {}
    for field, found in (("uid", item.metadata.uid), ("resourceVersion", item.metadata.resource_version)):
        if wanted.get(field) not in (None, found):
            text = f"Precondition failed: {field} in precondition: {wanted[field]}, in object meta: {found}"
            raise ConflictError(text)


def _is_dry(request: Request, options: dict[str, Any]) -> bool:
    return "All" in request.query.get("dryRun", []) or "All" in (options.get("dryRun") or [])
