"""Label selectors: as objects have them, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from firkin.kubelet.api.meta import LabelSelector

__all__ = ["EVERYTHING", "Selector", "parse_selector", "selector_of"]


class _Requirement(NamedTuple):
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case _:
                return value is None


class Selector(NamedTuple):
    """Conditions on labels that must all hold."""

    requirements: tuple[_Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        return all(requirement.holds(labels) for requirement in self.requirements)


EVERYTHING = Selector()


def selector_of(selector: LabelSelector) -> Selector:
    """The selector that an object has in its specification."""
    equal = [_Requirement(key, "In", (value,)) for key, value in selector.match_labels.items()]
    others = [_Requirement(one.key, one.operator, tuple(one.values)) for one in selector.match_expressions]
    return Selector((*equal, *others))


def parse_selector(text: str) -> Selector:
    """A selector such as `app=web,tier in (a, b),!old`. Raises ValueError with what is wrong."""
    return Selector(tuple(_parse_requirement(part) for part in _split(text)))


def _split(text: str) -> list[str]:
    # At the commas that are not in parentheses.
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:])] if text.strip() else []


def _parse_requirement(text: str) -> _Requirement:
    for sign, operator in (("!=", "NotIn"), ("==", "In"), ("=", "In")):
        key, found, value = text.partition(sign)
        if found:
            return _Requirement(_key(key, text), operator, (_word(value, text),))
    if text.startswith("!"):
        return _Requirement(_key(text[1:], text), "DoesNotExist")
    words = text.split(maxsplit=1)
    if len(words) == 1:
        return _Requirement(_key(text, text), "Exists")
    key, rest = words
    operator, _, values = rest.partition("(")
    if operator.strip() not in ("in", "notin") or not values.endswith(")"):
        raise ValueError(f"unable to parse requirement: {text!r} is none of key=value, key in (values), key and !key")
    chosen = tuple(_word(value, text) for value in values[:-1].split(","))
    return _Requirement(_key(key, text), "In" if operator.strip() == "in" else "NotIn", chosen)


def _key(text: str, requirement: str) -> str:
    word = _word(text, requirement)
    if not word:
        raise ValueError(f"unable to parse requirement: {requirement!r} has no key")
    return word


def _word(text: str, requirement: str) -> str:
    word = text.strip()
    if not all(letter.isalnum() or letter in "-_./" for letter in word):
        raise ValueError(f"unable to parse requirement: {word!r} in {requirement!r} is no label")
    return word
