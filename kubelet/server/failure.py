"""Requests that can not be met, as Kubernetes' API says it (metav1.Status)."""

from __future__ import annotations

import msgspec

from firkin.kubelet.http.message import Response

__all__ = ["RequestError", "failure"]

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class RequestError(Exception):
    """A request can not be met; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)

    def response(self) -> Response:
        """The answer."""
        return failure(self.status, str(self))


def failure(status: int, message: str) -> Response:
    """An answer that says why not."""
    said = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(status, "Unknown"),
        "code": status,
    }
    return Response(status, msgspec.json.encode(said) + b"\n")
