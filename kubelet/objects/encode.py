"""Objects as clients see them: with what they have by default, without what is empty."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

__all__ = ["encode"]

_EMPTY: tuple[Any, ...] = ("", 0, False, [], {})


class _Field(NamedTuple):
    attribute: str
    name: str
    is_left_out: Callable[[Any], bool]


def encode(value: Any) -> Any:
    """What is JSON of an object, a structure of one, or a value.

    A field is left out where Kubernetes leaves it out: it is not given, or empty and that is what it is by default.
    """
    if isinstance(value, msgspec.Struct):
        return {
            field.name: encode(one)
            for field in _fields(type(value))
            if not field.is_left_out(one := getattr(value, field.attribute))
        }
    if isinstance(value, list):
        return [encode(one) for one in value]
    if isinstance(value, dict):
        return {key: encode(one) for key, one in value.items()}
    if isinstance(value, datetime):
        return _time(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _time(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


@functools.cache
def _fields(structure: type[msgspec.Struct]) -> tuple[_Field, ...]:
    # As the configuration says of structures whose fields are all written.
    all_written = not structure.__struct_config__.omit_defaults
    fields = sorted(msgspec.structs.fields(structure), key=lambda field: _ORDER.get(field.name, len(_ORDER)))
    return tuple(_Field(one.name, one.encode_name, _rule(one, all_written=all_written)) for one in fields)


_ORDER = {"api_version": 0, "kind": 1, "metadata": 2}


def _rule(field: msgspec.structs.FieldInfo, *, all_written: bool) -> Callable[[Any], bool]:
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if default is None:
        return _is_none
    if all_written or default is msgspec.NODEFAULT or default not in _EMPTY:
        return _never
    return _is_empty


def _is_none(value: Any) -> bool:
    return value is None


def _is_empty(value: Any) -> bool:
    return not isinstance(value, msgspec.Struct) and not value


def _never(_: Any) -> bool:
    return False
