"""Records: immutable typed views of JSON objects.

A record class is a list of annotated fields, and its annotations are the schema:

    class Mount(Record):
        destination: str
        options: tuple[str, ...] = ()

A field without default is required. Understood are str, bool, int, float, object (JSON left as it is), the ranges
Uint16 to Int64, `X | None`, `tuple[X, ...]`, `Mapping[str, X]` and record classes. The name in the document is the
camelCase form of the attribute; where the specification departs from that, the class header says so:
`class IntelRdt(Record, clos_id="closID")`.

An instance holds only what its document held; everything else is read from the class, as the default. So encoding
gives back the document, including fields that no class knows (`extra`) and values written out at their default.
Nothing is computed at import, a class is compiled when its first value is decoded, and a class that lives in another
module of the package is imported only then: a start pays for what its document uses.
"""

from __future__ import annotations

import sys

from firkin.errors import ConfigError
from firkin.oci.annotation import MismatchError, converter, mismatch, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar, Never, TypeAlias, TypeVar, dataclass_transform

    from firkin.oci.annotation import Convert

    _R = TypeVar("_R", bound="Record")
    # Names for the annotations of records; the checker sees int, the decoder the range.
    Uint16: TypeAlias = int
    Uint32: TypeAlias = int
    Uint64: TypeAlias = int
    Int32: TypeAlias = int
    Int64: TypeAlias = int
else:

    def dataclass_transform(**_options: bool) -> Callable[[type], type]:
        return lambda cls: cls


__all__ = ["NOTHING", "Record", "decode", "replace", "shape_of"]

NOTHING: Mapping[str, Never] = type(vars(type))({})
"""The empty map: default of map fields, and immutable as it is shared."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Fields:
    # What every record can do; apart from Record so that `extra` is a field to the type checker.

    _spec_names: ClassVar[Mapping[str, str]] = NOTHING

    def __init_subclass__(cls, **spec_names: str) -> None:
        cls._spec_names = spec_names

    def __init__(self, **fields: object) -> None:
        shape = shape_of(type(self))
        for name in fields:
            if name not in shape.keys and name != "extra":
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        missing = shape.missing(fields)
        if missing:
            raise TypeError(f"{type(self).__name__} needs the field {missing!r}")
        object.__setattr__(self, "__dict__", fields)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{type(self).__name__} is immutable: can not set {name!r}")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"{type(self).__name__} is immutable: can not delete {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = vars(self).keys() | vars(other).keys()
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


class Record(_Fields):
    """Base of all records. `extra` holds the fields of the document that the class does not know."""

    extra: Mapping[str, object] = NOTHING


def decode(
    cls: type[_R],
    value: object,
    path: str = "",
    *,
    strict: bool = False,
    unknown: list[str] | None = None,
    document: str = "config.json",
) -> _R:
    """A record of class `cls` from parsed JSON; null counts as absent.

    Parameters: `path` is the place of `value` in its document, "" for the root; `strict` refuses fields that the
    class does not know, `unknown` collects their paths; `document` is the name for errors.
    Raises ConfigError with the JSON path of the first value that is missing or of a wrong type or range.
    """
    try:
        result: _R = shape_of(cls).decode(value)
    except MismatchError as error:
        place = path + "".join(reversed(error.steps))
        raise ConfigError(place if path else place.removeprefix("."), error.reason, document=document) from None
    if strict or unknown is not None:
        from firkin.oci.encoding import unknown_fields

        places = list(unknown_fields(result, path))
        if strict and places:
            raise ConfigError(places[0], "unknown field", document=document)
        if unknown is not None:
            unknown.extend(places)
    return result


def replace(record: _R, **changes: object) -> _R:
    """A copy of `record` with some fields changed. Raises TypeError for a name that is no field."""
    return type(record)(**{**vars(record), **changes})


class _Shape:
    # A record class, compiled: `keys` maps attributes to names in the document, `fields` the other way, with the
    # type of which every value fits and the function for the other values.
    __slots__ = ("cls", "fields", "keys", "required")

    def __init__(self, cls: type[Record]) -> None:
        self.cls = cls
        self.keys: dict[str, str] = {}
        self.fields: dict[str, tuple[str, type | None, Convert]] = {}
        names = cls._spec_names

        def nested(name: str) -> Convert:
            return _nested(name, cls.__module__)

        # Under `from __future__ import annotations` these are the source texts.
        for name, annotation in cls.__annotations__.items():
            key = self.keys[name] = names.get(name) or _camel_case(name)
            self.fields[key] = (name, *converter(annotation, nested))
        self.required = {name for name in self.keys if name not in cls.__dict__}

    def missing(self, fields: Mapping[str, object]) -> str:
        if self.required <= fields.keys():
            return ""
        return next(name for name in self.keys if name in self.required and name not in fields)

    def decode(self, value: object) -> Any:
        if type(value) is not dict:
            raise mismatch("an object", value)
        known = self.fields
        fields: dict[str, object] = {}
        key = ""
        try:
            for key, item in value.items():
                if key not in known:
                    fields.setdefault("extra", {})[key] = item  # type: ignore[index]
                elif item is not None:
                    name, exact, convert = known[key]
                    fields[name] = item if type(item) is exact else convert(item)
        except MismatchError as error:
            error.steps.append(step(key))
            raise
        missing = self.missing(fields)
        if missing:
            raise MismatchError("required field is missing", step(self.keys[missing]))
        record = object.__new__(self.cls)
        object.__setattr__(record, "__dict__", fields)
        return record


_SHAPES: dict[type[Record], _Shape] = {}


def shape_of(cls: type[Any]) -> _Shape:
    """The compiled form of a record class, for this package's own encoder."""
    shape = _SHAPES.get(cls)
    if shape is None:
        shape = _SHAPES[cls] = _Shape(cls)
    return shape


def _camel_case(name: str) -> str:
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join([word.capitalize() for word in rest])


def _nested(name: str, module: str) -> Convert:
    shape: _Shape | None = None

    def convert(value: object) -> object:
        nonlocal shape
        if shape is None:
            # A class of another module comes through its package, whose __getattr__ imports that module.
            found = vars(sys.modules[module]).get(name)
            shape = shape_of(found or getattr(sys.modules[module.rpartition(".")[0]], name))
        return shape.decode(value)

    return convert
