"""Field selectors, such as `metadata.name=web,status.phase!=Running`."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["FieldSelector", "parse_fields"]


class FieldSelector(NamedTuple):
    """Conditions on fields that must all hold: path, value, and whether it is to be equal."""

    conditions: tuple[tuple[tuple[str, ...], str, bool], ...] = ()

    def matches(self, value: dict[str, Any]) -> bool:
        """Whether an object, as clients see it, is meant."""
        return all((_text(value, path) == wanted) is equal for path, wanted, equal in self.conditions)

    @property
    def name(self) -> str:
        """The one name that it allows, "" if it does not say."""
        return next((text for path, text, equal in self.conditions if path == ("metadata", "name") and equal), "")


def parse_fields(text: str) -> FieldSelector:
    """The selector that a text is. Raises ValueError."""
    conditions = []
    for part in filter(None, text.split(",")):
        for sign, equal in (("!=", False), ("==", True), ("=", True)):
            path, found, value = part.partition(sign)
            if found:
                conditions.append((tuple(path.strip().split(".")), value.strip(), equal))
                break
        else:
            raise ValueError(f"invalid selector: {part!r}; can't understand {text!r}")
    return FieldSelector(tuple(conditions))


def _text(value: Any, path: tuple[str, ...]) -> str:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return ""
        value = value[name]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
