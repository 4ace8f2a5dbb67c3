"""Objects in their binary form, as typed clients such as `kubectl create job` send them: read, not written.

Source: "Kubernetes Protobuf encoding" in the Kubernetes documentation (the envelope, runtime.Unknown); Protocol Buffers
encoding. Zero can not be told from what was not said, and is taken for that where it would be no value.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from firkin.errors import ConfigError
from firkin.kubelet.apiserver.field_numbers import Field, fields_of

__all__ = ["MEDIA_TYPE", "read_protobuf"]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64
# Of these 0 and false are values: who sends them has said so.
_MEANT = frozenset((
    "activeDeadlineSeconds", "allowPrivilegeEscalation", "automountServiceAccountToken", "backoffLimit",
    "backoffLimitPerIndex", "blockOwnerDeletion", "completions", "controller", "defaultMode", "enableServiceLinks",
    "expirationSeconds", "failedJobsHistoryLimit", "fsGroup", "hostUsers", "immutable", "manualSelector",
    "maxFailedIndexes", "mode", "optional", "parallelism", "priority", "privileged", "progressDeadlineSeconds",
    "readOnlyRootFilesystem", "replicas", "revisionHistoryLimit", "runAsGroup", "runAsNonRoot", "runAsUser",
    "setHostnameAsFQDN", "shareProcessNamespace", "startingDeadlineSeconds", "succeededCount",
    "successfulJobsHistoryLimit", "suspend", "terminationGracePeriodSeconds", "tolerationSeconds",
    "ttlSecondsAfterFinished",
))  # fmt: skip
_SIGN = 1 << 63


def read_protobuf(body: bytes) -> dict[str, Any]:
    """The object, as its JSON would have it. Raises ConfigError if the body is none, or of a kind that is not known."""
    if not body.startswith(_MAGIC):
        raise ConfigError("body", "does not begin as the protobuf form of an object does")
    version, kind, raw = "", "", b""
    for number, value in _parts(body[len(_MAGIC) :]):
        if number == 1:
            said = {one: _text(text) for one, text in _parts(_bytes(value))}
            version, kind = said.get(1, ""), said.get(2, "")
        elif number == 2:
            raw = _bytes(value)
    if fields_of(kind) is None:
        raise ConfigError("kind", f"{kind or 'an object without a kind'} is not read from protobuf; send JSON")
    return {"apiVersion": version, "kind": kind, **_message(kind, raw, 0)}


def _message(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise ConfigError("body", f"has messages more than {_DEEPEST} deep")
    known, found = fields_of(name) or {}, dict[str, Any]()
    for number, value in _parts(data):
        field = known.get(number)
        if field is None:
            raise ConfigError(name, f"has a field of number {number}, which is not known here; send JSON")
        if field.name == "^":
            found.update(_message(field.type, _bytes(value), depth + 1))
        elif field.type.startswith("*"):
            found.setdefault(field.name, []).append(_value(field.type[1:], value, depth))
        elif field.type.startswith("%"):
            _add(found.setdefault(field.name, {}), field, _bytes(value), depth)
        else:
            one = _value(field.type, value, depth)
            if one not in (None, "", 0) or (field.name in _MEANT and one is not None):
                found[field.name] = one
    return found


def _add(mapping: dict[str, Any], field: Field, entry: bytes, depth: int) -> None:
    parts = dict(_parts(entry))
    mapping[_text(parts.get(1, b""))] = _value(field.type[1:], parts.get(2, b""), depth)


def _value(kind: str, value: int | bytes, depth: int) -> Any:
    match kind:
        case "i":
            number = _number(value)
            return number - (_SIGN << 1) if number >= _SIGN else number
        case "b":
            return bool(_number(value))
        case "s":
            return _text(value)
        case "y":
            return base64.b64encode(_bytes(value)).decode()
        case "q":
            return _text(dict(_parts(_bytes(value))).get(1, b""))
        case "t":
            return _time(_bytes(value))
        case "x":
            parts = dict(_parts(_bytes(value)))
            return _text(parts.get(3, b"")) if parts.get(1) else _value("i", parts.get(2, 0), depth)
        case "-":
            return {}
    return _message(kind, _bytes(value), depth + 1)


def _time(data: bytes) -> str | None:
    seconds = _value("i", dict(_parts(data)).get(1, 0), 0)
    # No time is a message without any, or year 1.
    if seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError("body", f"has a time that is none: {seconds}") from error


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    # The fields of a message: numbers with integers or bytes.
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if kind == _BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ConfigError("body", "is not protobuf, or a part of it is missing")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise ConfigError("body", "is not protobuf, or a part of it is missing")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ConfigError("body", "has a number where a message must be")
    return value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ConfigError("body", "has a message where a number must be")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise ConfigError("body", "has text that is not UTF-8") from error
