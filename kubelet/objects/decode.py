"""Objects out of documents: every fault of form at once, each with its path; what is unknown is named and left out."""

from __future__ import annotations

import base64
import binascii
import functools
import types
import typing
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from firkin.errors import ConfigError
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.objects.documents import Document
from firkin.kubelet.objects.kinds import KINDS, Kind, named

__all__ = ["Decoded", "Problem", "Shape", "decode", "decode_document"]

S = TypeVar("S", bound=msgspec.Struct)

# Fields that Kubernetes has and that mean nothing on a node of its own, by the structure that has them.
_WITHOUT_EFFECT = {
    "ObjectMeta": {"managedFields", "selfLink", "clusterName"},
    "PodSpec": {
        "topologySpreadConstraints", "schedulingGates", "resourceClaims", "deprecatedServiceAccount",
        "schedulingGroup", "workloadRef",
    },
    "Affinity": {"podAffinity", "podAntiAffinity"},
    "NodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution"},
    "PodStatus": {"nominatedNodeName", "resourceClaimStatuses"},
    "Container": {"volumeDevices"},
    "ResourceRequirements": {"claims"},
    "DeploymentStatus": {"collisionCount", "terminatingReplicas"},
    "ReplicaSetStatus": {"terminatingReplicas"},
    "DaemonSetStatus": {"collisionCount", "conditions"},
    "JobStatus": {"terminating"},
    "Event": {"action", "eventTime", "related", "reportingComponent", "reportingInstance", "series"},
    "NodeSpec": {"taints", "providerID", "configSource", "externalID"},
    "NodeStatus": {
        "images", "daemonEndpoints", "phase", "volumesAttached", "volumesInUse", "config", "runtimeHandlers",
        "features", "declaredFeatures",
    },
    "NodeSystemInfo": {"kubeProxyVersion", "bootID", "swap"},
}  # fmt: skip


class Problem(NamedTuple):
    """What is wrong at a path, such as `spec.containers[0].ports`."""

    path: str
    reason: str


class Decoded(NamedTuple):
    """An object, and the paths of the fields that nobody knows."""

    object: Resource
    unknown: list[str]


class _Field(NamedTuple):
    name: str
    type: Any


class Shape(NamedTuple):
    """A structure: its fields by the name on the wire, and those that are left out without a word."""

    fields: dict[str, _Field]
    required: tuple[str, ...]
    ignored: frozenset[str]

    @staticmethod
    @functools.cache
    def of(structure: type[msgspec.Struct]) -> Shape:
        """What a structure looks like on the wire."""
        hints = typing.get_type_hints(structure)
        ignored = frozenset[str]().union(*(_WITHOUT_EFFECT.get(base.__name__, ()) for base in structure.__mro__))
        fields = msgspec.structs.fields(structure)
        return Shape(
            {field.encode_name: _Field(field.name, hints[field.name]) for field in fields},
            tuple(field.encode_name for field in fields if field.required),
            ignored,
        )


def decode_document(document: Document) -> Decoded:
    """The object that a document is. Raises ConfigError with all faults, and where they are."""
    kind = _kind(document)
    made, problems, unknown = decode(document.value, kind.type)
    if made is None:
        lines = [f"{problem.path}: {problem.reason} ({document.place(problem.path)})" for problem in problems[1:]]
        first = problems[0]
        raise ConfigError(first.path, "; ".join([first.reason, *lines]), document=document.place(first.path))
    return Decoded(made, unknown)


def decode(value: dict[str, Any], structure: type[S]) -> tuple[S | None, list[Problem], list[str]]:
    """What a mapping is as `structure`, what is wrong, and the paths of unknown fields; None if something is wrong.

    Fields that are null count as not given.
    """
    reader = _Reader()
    clean = reader.read_struct(value, structure, "")
    if reader.problems:
        return None, reader.problems, reader.unknown
    try:
        return msgspec.convert(clean, structure), [], reader.unknown
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        return None, [Problem(place.strip("`$."), reason)], reader.unknown


def _kind(document: Document) -> Kind:
    version, name = document.value.get("apiVersion"), document.value.get("kind")
    for field, text in (("apiVersion", version), ("kind", name)):
        if not isinstance(text, str) or not text:
            raise ConfigError(field, "is missing" if not text else "is no text", document=document.place(field))
    kind = named(str(version), str(name))
    if kind is None:
        near = next((one for one in KINDS if one.name.lower() == str(name).lower()), None)
        hint = f"{near.name} is of version {near.api_version!r}" if near else _all_kinds()
        reason = f'no matches for kind "{name}" in version "{version}"'
        raise ConfigError("kind", reason, document=document.place("kind"), hint=hint)
    return kind


def _all_kinds() -> str:
    return f"there are {', '.join(kind.name for kind in KINDS)}"


class _Reader:
    # Walks a value along a type. What it gives back has nothing in it that the type does not know.

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.unknown: list[str] = []

    def read_struct(self, value: Any, structure: type[msgspec.Struct], path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(path, "a mapping", value)
        shape = Shape.of(structure)
        clean = {}
        for key, one in value.items():
            place = f"{path}.{key}" if path else key
            field = shape.fields.get(key)
            if field is not None and one is not None:
                clean[key] = self._read(one, field.type, place)
            elif field is None and key not in shape.ignored:
                self.unknown.append(place)
        for key in shape.required:
            if key not in clean:
                self.problems.append(Problem(f"{path}.{key}" if path else key, "Required value"))
        return clean

    def _read(self, value: Any, kind: Any, path: str) -> Any:
        origin = typing.get_origin(kind)
        if origin in (types.UnionType, typing.Union):
            return self._read_union(value, typing.get_args(kind), path)
        if origin is list:
            return self._read_list(value, typing.get_args(kind)[0], path)
        if origin is dict:
            return self._read_dict(value, typing.get_args(kind)[1], path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.read_struct(value, kind, path)
        # What somebody else has the structure of.
        return value if kind is Any else self._read_scalar(value, kind, path)

    def _read_union(self, value: Any, kinds: tuple[Any, ...], path: str) -> Any:
        some = [kind for kind in kinds if kind is not type(None)]
        if len(some) == 1:
            return self._read(value, some[0], path)
        # A quantity, or a port by number or name.
        if isinstance(value, bool) or not isinstance(value, tuple(some)):
            return self._wrong(path, "a number or text", value)
        return value

    def _read_list(self, value: Any, kind: Any, path: str) -> Any:
        if not isinstance(value, list):
            return self._wrong(path, "a list", value)
        return [self._read(one, kind, f"{path}[{number}]") for number, one in enumerate(value)]

    def _read_dict(self, value: Any, kind: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(path, "a mapping", value)
        return {key: self._read("" if one is None else one, kind, f"{path}[{key}]") for key, one in value.items()}

    def _read_scalar(self, value: Any, kind: Any, path: str) -> Any:
        if kind is bytes:
            return self._read_bytes(value, path)
        if kind is datetime:
            return self._read_time(value, path)
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if fits and (kind is not int or -(1 << 63) <= value < 1 << 63):
            return value
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return self._wrong(
            path, {str: "text", int: "a whole number", bool: "true or false"}.get(kind, "a number"), value
        )

    def _read_bytes(self, value: Any, path: str) -> Any:
        try:
            base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            self.problems.append(Problem(path, f"is not base64: {error}"))
        return value

    def _read_time(self, value: Any, path: str) -> Any:
        try:
            msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            return self._wrong(path, "a time such as 2026-01-02T03:04:05Z", value)
        return value

    def _wrong(self, path: str, wanted: str, value: Any) -> Any:
        shown = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
        if isinstance(value, bool):
            shown = "true" if value else "false"
        hint = " (quotes make it text)" if wanted == "text" and isinstance(value, int | float) else ""
        self.problems.append(Problem(path, f"must be {wanted}, not {shown}{hint}"))
        return value
