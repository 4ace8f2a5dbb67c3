"""Annotation texts of records, compiled to functions that check and convert parsed JSON.

Checking is on the path of every start, so nothing is built for values that fit: a misfit is an exception to which
each container that it passes adds its own step, and the path of the value is put together at the end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeAlias

    Convert: TypeAlias = Callable[[Any], object]

__all__ = ["MismatchError", "converter", "mismatch", "step", "subscript"]

_EXACT = {"str": (str, "a string"), "bool": (bool, "true or false"), "int": (int, "an integer")}
_RANGES = {
    "Uint16": (0, 0xFFFF, "an unsigned 16-bit integer"),
    "Uint32": (0, 0xFFFFFFFF, "an unsigned 32-bit integer"),
    "Uint64": (0, 0xFFFFFFFFFFFFFFFF, "an unsigned 64-bit integer"),
    "Int32": (-0x80000000, 0x7FFFFFFF, "a signed 32-bit integer"),
    "Int64": (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF, "a signed 64-bit integer"),
}


class MismatchError(Exception):
    """A value that does not fit, and the steps of its JSON path, innermost first."""

    def __init__(self, reason: str, *steps: str) -> None:
        self.reason = reason
        self.steps = list(steps)


def mismatch(expected: str, value: object) -> MismatchError:
    """The error for a parsed JSON value where `expected`, a noun phrase, should be."""
    from firkin.oci.json_text import dump

    kinds: dict[type, str] = {dict: "an object", list: "an array"}
    text = kinds.get(type(value)) or (dump(value) if value is None or isinstance(value, (str, bool)) else repr(value))
    return MismatchError(f"expected {expected}, got {text if len(text) <= 60 else text[:57] + '...'}")


def subscript(key: str) -> str:
    """The step of a JSON path into a map, such as `["net.ipv4.ip_forward"]`."""
    from firkin.oci.json_text import dump

    return f"[{dump(key)}]"


def step(key: str) -> str:
    """The step of a JSON path to a field: `.cwd`, or a subscript where the name has other characters."""
    return f".{key}" if key.isidentifier() else subscript(key)


def converter(annotation: str, nested: Callable[[str], Convert]) -> tuple[type | None, Convert]:
    """What an annotation asks for: the type of which every value fits, and the function for the other values.

    Parameters: `nested` gives the function for the name of a record class. The functions raise MismatchError.
    """
    kind = annotation.removesuffix(" | None")
    if kind in _EXACT:
        exact, expected = _EXACT[kind]
        return exact, _refuse(expected)
    if kind in _RANGES:
        return None, _integer(*_RANGES[kind])
    if kind.startswith("tuple["):
        return None, _array(*converter(kind[6:].removesuffix(", ...]"), nested))
    if kind.startswith("Mapping[str, "):
        return None, _map(*converter(kind[13:-1], nested))
    if kind == "float":
        return float, _float
    if kind == "object":
        return None, _unchanged
    return None, nested(kind)


def _refuse(expected: str) -> Convert:
    def convert(value: object) -> NoReturn:
        raise mismatch(expected, value)

    return convert


def _integer(low: int, high: int, expected: str) -> Convert:
    def convert(value: object) -> int:
        if type(value) is int and low <= value <= high:
            return value
        raise mismatch(expected, value)

    return convert


def _float(value: object) -> float:
    if type(value) is int:
        return float(value)
    raise mismatch("a number", value)


def _unchanged(value: object) -> object:
    return value


def _array(exact: type | None, convert: Convert) -> Convert:
    def array(value: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise mismatch("an array", value)
        if set(map(type, value)) <= {exact}:
            return tuple(value)
        items: list[object] = []
        try:
            for item in value:
                items.append(item if type(item) is exact else convert(item))
        except MismatchError as error:
            error.steps.append(f"[{len(items)}]")
            raise
        return tuple(items)

    return array


def _map(exact: type | None, convert: Convert) -> Convert:
    def mapping(value: object) -> dict[str, object]:
        if type(value) is not dict:
            raise mismatch("an object", value)
        items: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                items[key] = item if type(item) is exact else convert(item)
        except MismatchError as error:
            error.steps.append(subscript(key))
            raise
        return items

    return mapping
