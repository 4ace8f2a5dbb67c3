"""Calls of the runtime that failed: the status codes of gRPC as exceptions."""

from __future__ import annotations

import grpc

from firkin.errors import DeadlineError, FirkinError, NotFoundError

__all__ = [
    "CallError",
    "CallMissingError",
    "CallTimeoutError",
    "CallUnavailableError",
    "CallUnimplementedError",
    "call_error",
]


class CallError(FirkinError):
    """The runtime refused a call, or failed in it.

    `call` is its name in CRI, `code` the status code, `text` what the runtime said.
    """

    def __init__(self, call: str, code: grpc.StatusCode, text: str) -> None:
        self.call = call
        self.code = code
        self.text = text
        super().__init__(f"{call}: {code.name}: {text}")


class CallUnavailableError(CallError):
    """The runtime does not answer: it is down, or on its way up or down (UNAVAILABLE)."""


class CallTimeoutError(CallError, DeadlineError):
    """The call did not end in its time, or the program of an ExecSync did not (DEADLINE_EXCEEDED)."""


class CallMissingError(CallError, NotFoundError):
    """The runtime does not know the sandbox, container or image (NOT_FOUND)."""


class CallUnimplementedError(CallError):
    """The runtime does not have this call (UNIMPLEMENTED)."""


_CLASSES: dict[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.UNAVAILABLE: CallUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: CallTimeoutError,
    grpc.StatusCode.NOT_FOUND: CallMissingError,
    grpc.StatusCode.UNIMPLEMENTED: CallUnimplementedError,
}


def call_error(call: str, error: grpc.aio.AioRpcError) -> CallError:
    """The exception for what gRPC reports of `call`."""
    code = error.code()
    return _CLASSES.get(code, CallError)(call, code, error.details() or "no reason given")
