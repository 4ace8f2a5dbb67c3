"""Bodies of requests: the objects, patches and options that clients send."""

from __future__ import annotations

from typing import Any

import msgspec

from firkin.errors import ConfigError
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.apiserver.protobuf import MEDIA_TYPE, read_protobuf
from firkin.kubelet.apiserver.status import RequestError
from firkin.kubelet.apiserver.target import Target
from firkin.kubelet.http.message import Request
from firkin.kubelet.objects.decode import decode
from firkin.kubelet.objects.documents import read_documents
from firkin.kubelet.objects.json_places import repeated

__all__ = ["content_type", "read_object", "read_value", "to_object"]

_CHECKING = ("", "Ignore", "Strict", "Warn")
_SUPPORTED = ", ".join(f'"{one}"' for one in _CHECKING)


def content_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def read_value(request: Request) -> Any:
    """The body as a value, from JSON, YAML or the binary form of objects. Raises RequestError."""
    kind = content_type(request)
    if kind == MEDIA_TYPE:
        try:
            return read_protobuf(request.body)
        except ConfigError as error:
            raise RequestError(400, str(error)) from error
    if "protobuf" in kind or "cbor" in kind:
        raise RequestError(415, f"the body of the request was in an unknown format - {kind}; use application/json")
    if "yaml" not in kind:
        try:
            return msgspec.json.decode(request.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RequestError(400, f"the body is not JSON: {error}") from error
    try:
        documents = read_documents(request.body, "body")
    except ConfigError as error:
        raise RequestError(400, str(error)) from error
    if len(documents) != 1:
        raise RequestError(400, f"the body has {len(documents)} documents, must be one")
    return documents[0].value


def read_object(request: Request, target: Target) -> tuple[Resource, list[str]]:
    """The object of a body, and warnings for the client. Raises RequestError."""
    value = read_value(request)
    if not isinstance(value, dict):
        raise RequestError(400, "the body is no object")
    said = (value.get("apiVersion", target.kind.api_version), value.get("kind", target.kind.name))
    if said != (target.kind.api_version, target.kind.name):
        raise RequestError(400, f"the API version and kind in the data ({said[0]}, {said[1]}) do not match the request")
    checking = request.parameter("fieldValidation", "Warn")
    item, warnings = to_object(value, target, checking)
    twice = [f'duplicate field "{path}"' for path in _repeated(request)] if checking != "Ignore" else []
    if twice and checking == "Strict":
        raise RequestError(400, f"strict decoding error: {', '.join(twice)}")
    return item, [*twice, *warnings]


def _repeated(request: Request) -> list[str]:
    # Of YAML a key that is there twice can not be read.
    kind = content_type(request)
    return [] if "yaml" in kind or kind == MEDIA_TYPE else repeated(request.body.decode(errors="replace"))


def to_object(value: dict[str, Any], target: Target, checking: str) -> tuple[Resource, list[str]]:
    """A value as an object of the target's kind, with its namespace and name. Raises RequestError.

    `checking` says what becomes of unknown fields: Strict refuses them, Warn tells, Ignore does not.
    """
    if checking not in _CHECKING:
        raise RequestError(422, f'fieldValidation: Unsupported value: "{checking}": supported values: {_SUPPORTED}')
    item, problems, unknown = decode(value, target.kind.type)
    kind = target.kind.name
    if item is None:
        text = "; ".join(f"{one.path}: {one.reason}" for one in problems)
        raise RequestError(400, f'{kind} in version "{target.kind.version}" cannot be handled as a {kind}: {text}')
    if unknown and checking == "Strict":
        text = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise RequestError(400, f"strict decoding error: {text}")
    metadata = item.metadata
    if metadata.namespace and target.namespace and metadata.namespace != target.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise RequestError(400, message)
    if target.name and metadata.name not in ("", target.name):
        message = f"the name of the object ({metadata.name}) does not match the name on the URL ({target.name})"
        raise RequestError(400, message)
    named = msgspec.structs.replace(
        metadata, namespace=target.namespace or metadata.namespace, name=target.name or metadata.name
    )
    item = msgspec.structs.replace(item, metadata=named)
    return item, [f'unknown field "{path}"' for path in unknown] if checking != "Ignore" else []
