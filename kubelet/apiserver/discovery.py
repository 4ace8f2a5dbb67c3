"""What the API has, for clients that ask first: groups, resources, version, and which parameters they may use."""

from __future__ import annotations

import platform
import sys
from typing import Any

from firkin.kubelet.objects.kinds import KINDS, Kind

__all__ = ["VERSION", "document"]

# The version of Kubernetes whose API this is.
VERSION = "v1.36.0"
_CHANGES = ["get", "patch", "update"]
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
# What is used is told by the server of statistics (firkin.kubelet.server.usage).
_METRICS = "metrics.k8s.io"
_GROUPS = sorted({kind.group for kind in KINDS} - {""})


def document(path: str) -> dict[str, Any] | None:
    """The document at a path, None if it is not one about the API itself."""
    match path.strip("/").split("/"):
        case ["version"]:
            return _version()
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [*(_group(name) for name in _GROUPS), _group(_METRICS, "v1beta1")]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if group in _GROUPS:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["api", "v1"]:
            return _resources("")
        case ["apis", group, "v1"] if group in _GROUPS:
            return _resources(group)
        case ["openapi", "v3"]:
            paths = ["api/v1", *(f"apis/{group}/v1" for group in _GROUPS)]
            return {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}"} for one in paths}}
        case ["openapi", "v3", "api", "v1"]:
            return _openapi("")
        case ["openapi", "v3", "apis", group, "v1"] if group in _GROUPS:
            return _openapi(group)
    return None


def _version() -> dict[str, Any]:
    major, minor, _ = VERSION.removeprefix("v").split(".")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"{VERSION}+firkin",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "compiler": platform.python_implementation(),
        "platform": f"linux/{machine}",
    }


def _group(name: str, version: str = "v1") -> dict[str, Any]:
    served = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [served], "preferredVersion": served}


def _resources(group: str) -> dict[str, Any]:
    resources = []
    for kind in KINDS:
        if kind.group != group:
            continue
        resources.append(_resource(kind))
        common = {"singularName": "", "namespaced": kind.namespaced}
        if kind.has_status:
            status = {"name": f"{kind.plural}/status", "kind": kind.name, "verbs": ["get", "patch", "update"]}
            resources.append({**status, **common})
        if kind.name in ("Deployment", "ReplicaSet"):
            scale = {"name": f"{kind.plural}/scale", "group": "autoscaling", "version": "v1", "kind": "Scale"}
            resources.append({**scale, "verbs": ["get", "patch", "update"], **common})
        if kind.name == "Pod":
            verbs = {"log": ["get"], "eviction": ["create"], "ephemeralcontainers": _CHANGES, "resize": _CHANGES}
            verbs |= {name: ["create", "get"] for name in ("attach", "exec", "portforward")}
            resources += [
                {"name": f"pods/{name}", "kind": "Pod", "verbs": some, **common} for name, some in verbs.items()
            ]
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _resource(kind: Kind) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": _VERBS,
    }
    if kind.short:
        resource["shortNames"] = list(kind.short)
    if kind.in_all:
        resource["categories"] = ["all"]
    return resource


def _openapi(group: str) -> dict[str, Any]:
    # As much as clients need to know that the server checks fields: the parameters of PATCH.
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")]
    base = f"/apis/{group}/v1" if group else "/api/v1"
    paths = {}
    for kind in KINDS:
        if kind.group == group:
            where = f"{base}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{base}/{kind.plural}"
            named = {"group": group, "version": "v1", "kind": kind.name}
            operation = {"parameters": parameters, "responses": {}, "x-kubernetes-group-version-kind": named}
            paths[f"{where}/{{name}}"] = {"patch": operation}
    return {"openapi": "3.0.0", "info": {"title": "firkin", "version": VERSION}, "paths": paths}
