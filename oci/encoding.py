"""Records taken apart: back to JSON, or searched for fields that no class knows."""

from __future__ import annotations

from firkin.oci.annotation import step, subscript
from firkin.oci.record import Record, shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["encode", "unknown_fields"]


def encode(record: Record) -> dict[str, object]:
    """The JSON object of a record: its fields in the order of their document, then the unknown ones.

    Raw JSON (fields typed `object`, and `extra`) is shared with the record, not copied.
    """
    keys = shape_of(type(record)).keys
    fields = vars(record)
    result = {keys[name]: _encoded(value) for name, value in fields.items() if name != "extra" and value is not None}
    result.update(record.extra)
    return result


def unknown_fields(record: Record, path: str = "") -> Iterator[str]:
    """The JSON paths of all fields, at any depth, that no record class knows. `path` is the place of `record`."""
    keys = shape_of(type(record)).keys
    for key in record.extra:
        yield path + step(key) if path else step(key).removeprefix(".")
    for name, value in vars(record).items():
        if name != "extra":
            place = step(keys[name])
            for nested, below in _records(value):
                yield from unknown_fields(nested, (path + place if path else place.removeprefix(".")) + below)


def _encoded(value: object) -> object:
    if isinstance(value, Record):
        return encode(value)
    if isinstance(value, tuple):
        # Most are long lists of names: a call for each would be most of the work.
        return [_encoded(item) if isinstance(item, (Record, tuple, dict)) else item for item in value]
    if isinstance(value, dict):
        return {key: encode(item) if isinstance(item, Record) else item for key, item in value.items()}
    return value


def _records(value: object) -> Iterator[tuple[Record, str]]:
    if isinstance(value, Record):
        yield value, ""
    elif isinstance(value, tuple):
        yield from ((item, f"[{index}]") for index, item in enumerate(value) if isinstance(item, Record))
    elif isinstance(value, dict):
        yield from ((item, subscript(key)) for key, item in value.items() if isinstance(item, Record))
