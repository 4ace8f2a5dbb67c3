"""What gRPC calls the errors of firkin: one table, from the exception's class to the status code."""

from __future__ import annotations

import grpc

from firkin import errors

__all__ = ["CODES", "code_of", "message_of"]

_Code = grpc.StatusCode

CODES: dict[type[errors.FirkinError], grpc.StatusCode] = {
    errors.AlreadyExistsError: _Code.ALREADY_EXISTS,
    errors.CgroupBusyError: _Code.FAILED_PRECONDITION,
    errors.CgroupGoneError: _Code.NOT_FOUND,
    errors.CgroupLimitError: _Code.RESOURCE_EXHAUSTED,
    errors.CgroupPermissionError: _Code.PERMISSION_DENIED,
    errors.CgroupTimeoutError: _Code.DEADLINE_EXCEEDED,
    errors.CgroupValueError: _Code.INVALID_ARGUMENT,
    errors.ConfigError: _Code.INVALID_ARGUMENT,
    errors.ControllerError: _Code.FAILED_PRECONDITION,
    errors.DeadlineError: _Code.DEADLINE_EXCEEDED,
    errors.ExecutableError: _Code.FAILED_PRECONDITION,
    errors.FirkinError: _Code.INTERNAL,
    errors.ImageError: _Code.FAILED_PRECONDITION,
    errors.ImageNameError: _Code.INVALID_ARGUMENT,
    errors.NetworkError: _Code.UNAVAILABLE,
    errors.NotFoundError: _Code.NOT_FOUND,
    errors.PolicyError: _Code.PERMISSION_DENIED,
    errors.RegistryAccessError: _Code.PERMISSION_DENIED,
    errors.RegistryError: _Code.UNAVAILABLE,
    errors.RegistryMissingError: _Code.NOT_FOUND,
    errors.ResourceExhaustedError: _Code.RESOURCE_EXHAUSTED,
    errors.StateError: _Code.FAILED_PRECONDITION,
    errors.UnsupportedError: _Code.UNIMPLEMENTED,
    errors.UsageError: _Code.INVALID_ARGUMENT,
}
"""The code of each class; a class that is not here has that of its nearest base."""


def code_of(error: Exception) -> grpc.StatusCode:
    """The code that a client is told; INTERNAL for what is no error of firkin, a fault of the server."""
    for base in type(error).__mro__:
        if base in CODES:
            return CODES[base]
    return _Code.INTERNAL


def message_of(error: Exception) -> str:
    """The text that a client is told."""
    return str(error) if isinstance(error, errors.FirkinError) else f"{type(error).__name__}: {error}"
