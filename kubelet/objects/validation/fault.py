"""One fault of an object, in the words of Kubernetes (apimachinery, field errors)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Fault", "Faults", "duplicate", "forbidden", "invalid", "join", "one_of", "required", "too_long"]


class Fault(NamedTuple):
    """What is wrong at a path. `reason` is the code for programs, such as FieldValueInvalid."""

    path: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


Faults = Iterator[Fault]


def join(path: str, name: str) -> str:
    """The path of a field below a path, which is "" for the object."""
    return f"{path}.{name}" if path else name


def required(path: str, detail: str = "") -> Fault:
    """It is missing."""
    return Fault(path, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, value: object, detail: str) -> Fault:
    """It has a value that breaks a rule."""
    return Fault(path, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")


def duplicate(path: str, value: object) -> Fault:
    """It is there twice."""
    return Fault(path, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def forbidden(path: str, detail: str) -> Fault:
    """It must not be there."""
    return Fault(path, "FieldValueForbidden", f"Forbidden: {detail}")


def too_long(path: str, most: int) -> Fault:
    """It has more bytes than are allowed."""
    return Fault(path, "FieldValueTooLong", f"Too long: may not be more than {most} bytes")


def one_of(path: str, value: str | None, choices: Iterable[str], *, optional: bool = True) -> Faults:
    """The fault of a value that is none of the choices; what is not given is one only if it is not `optional`."""
    choices = sorted(choices)
    if not value and not optional:
        yield required(path)
    elif value and value not in choices:
        supported = ", ".join(_shown(choice) for choice in choices)
        yield Fault(
            path, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {supported}"
        )


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | bool | float) else str(value)
