"""Facts of a record, frozen dataclasses, to JSON and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, TypeVar

from firkin.errors import StateError

__all__ = ["facts_from_text", "facts_to_text"]

_T = TypeVar("_T")


def facts_to_text(facts: Any) -> str:
    """The JSON of a dataclass instance."""
    # What asdict() copies besides is JSON as it is.
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return json.dumps(values, separators=(",", ":"))


def facts_from_text(cls: type[_T], text: str) -> _T:
    """The instance. What a later version added is dropped, what it left out has its default. Raises StateError."""
    try:
        values = json.loads(text)
        known = {field.name: field.type for field in fields(cls)}  # type: ignore[arg-type]
        kept = {name: _retype(known[name], value) for name, value in values.items() if name in known}
        return cls(**kept)
    except (ValueError, TypeError, AttributeError) as error:
        raise StateError(f"a record of a {cls.__name__} is damaged: {error}") from error


def _retype(kind: Any, value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and str(kind).startswith("tuple") else value
