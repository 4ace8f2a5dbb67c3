"""Answers that say how it went: the object Status (meta/v1)."""

from __future__ import annotations

from typing import Any

import msgspec

from firkin.errors import AlreadyExistsError, ConfigError, FirkinError, KernelError, NotFoundError, UnsupportedError
from firkin.kubelet.http.message import Response
from firkin.kubelet.objects.errors import ConflictError, ExpiredError
from firkin.kubelet.objects.kinds import Kind
from firkin.kubelet.objects.validation.check import InvalidError

__all__ = ["RequestError", "failure", "failure_of", "json_response", "missing", "success"]

_REASONS = {
    400: "BadRequest", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 406: "NotAcceptable",
    409: "Conflict", 410: "Expired", 415: "UnsupportedMediaType", 422: "Invalid", 500: "InternalError",
    501: "NotImplemented", 507: "InsufficientStorage",
}  # fmt: skip
_CODES: tuple[tuple[type[FirkinError], int], ...] = (
    (ConflictError, 409),
    (ExpiredError, 410),
    (NotFoundError, 404),
    (AlreadyExistsError, 409),
    (UnsupportedError, 422),
    (ConfigError, 400),
    (KernelError, 507),
)


class RequestError(FirkinError):
    """The request can not be met; `status` is the code of HTTP."""

    def __init__(self, status: int, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


def missing(kind: Kind, name: str) -> RequestError:
    """There is no such object."""
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return RequestError(404, f'{kind.resource} "{name}" not found', details=details)


def json_response(status: int, value: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer with a value as JSON."""
    return Response(status, msgspec.json.encode(value) + b"\n", headers=headers or {})


def success(kind: Kind, name: str, uid: str) -> Response:
    """An object is gone."""
    details = {"name": name, "group": kind.group, "kind": kind.plural, "uid": uid}
    return json_response(200, _status({"status": "Success", "details": details}))


def failure(code: int, message: str, *, details: dict[str, Any] | None = None, reason: str = "") -> Response:
    """It did not go well."""
    return json_response(code, _failure(code, message, details=details, reason=reason))


def failure_of(error: FirkinError) -> Response:
    """What an error is for a client."""
    if isinstance(error, RequestError):
        return failure(error.status, error.message, details=error.details)
    if isinstance(error, InvalidError):
        causes = [{"reason": one.reason, "message": one.message, "field": one.path} for one in error.faults]
        details = {"name": error.name, "group": error.kind.group, "kind": error.kind.name, "causes": causes}
        return failure(422, str(error), details=details)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 500)
    reason = "AlreadyExists" if isinstance(error, AlreadyExistsError) else ""
    return failure(code, str(error), reason=reason)


def _failure(code: int, message: str, *, details: dict[str, Any] | None, reason: str) -> dict[str, Any]:
    fields = {"status": "Failure", "message": message, "reason": reason or _REASONS.get(code, ""), "code": code}
    return _status({**fields, **({"details": details} if details else {})})


def _status(fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **fields}
