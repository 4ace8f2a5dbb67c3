"""JSONPath as kubectl has it: `{.items[*].metadata.name}`, with text around, ranges and filters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from firkin.errors import UsageError

__all__ = ["render"]

_TOKEN = re.compile(
    r"""(?P<deep>\.\.)|\.(?P<name>(?:\\.|[^.\[\]{}'"()\s\\])+)|\['(?P<quoted>(?:[^'\\]|\\.)*)'\]"""
    r"""|\[(?P<star>\*)\]|\[(?P<slice>-?\d*(?::-?\d*){0,2})\]|\[\?\((?P<filter>.*?)\)\]|(?P<root>[$@])|(?P<wild>\.\*)"""
)
_FILTER = re.compile(r"""@(?P<path>[^=!<>\s]*)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+))?""")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class _Part(NamedTuple):
    kind: str
    text: str


def render(template: str, value: Any) -> str:
    """The text that a template makes of a value. Raises UsageError if it is no template."""
    parts = list(_split(template))
    text, rest = _render(parts, value, value)
    if rest:
        raise UsageError(f"jsonpath {template!r}: {{end}} without {{range}}")
    return text


def _split(template: str) -> Iterator[_Part]:
    at = 0
    while at < len(template):
        start = template.find("{", at)
        if start < 0:
            yield _Part("text", template[at:])
            return
        if start > at:
            yield _Part("text", template[at:start])
        end = _closing(template, start)
        word = template[start + 1 : end].strip()
        if word == "end":
            yield _Part("end", "")
        elif word.startswith("range "):
            yield _Part("range", word.removeprefix("range ").strip())
        elif word[:1] in ("'", '"'):
            yield _Part("text", re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), word[1:-1]))
        else:
            yield _Part("path", word)
        at = end + 1


def _closing(template: str, start: int) -> int:
    quote = ""
    for at in range(start + 1, len(template)):
        letter = template[at]
        if quote:
            quote = "" if letter == quote and template[at - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return at
    raise UsageError(f"jsonpath {template!r}: unclosed action")


def _render(parts: list[_Part], root: Any, current: Any) -> tuple[str, list[_Part]]:
    text = ""
    while parts:
        part, parts = parts[0], parts[1:]
        match part.kind:
            case "text":
                text += part.text
            case "path":
                text += " ".join(_shown(one) for one in _find(part.text, root, current))
            case "end":
                return text, [part, *parts]
            case "range":
                rest = parts
                for one in [*_find(part.text, root, current)]:
                    inner, rest = _render(parts, root, one)
                    text += inner
                if rest is parts:
                    _, rest = _render(parts, root, None)
                if not rest:
                    raise UsageError("jsonpath: {range} without {end}")
                parts = rest[1:]
    return text, []


def _find(path: str, root: Any, current: Any) -> list[Any]:
    values = [root if path.startswith("$") else current]
    at = 0
    if path and path[0] not in ".[$@":
        path = f".{path}"
    deep = False
    while at < len(path):
        found = _TOKEN.match(path, at)
        if found is None:
            raise UsageError(f"jsonpath {path!r}: unrecognized character at {at}: {path[at:]!r}")
        at = found.end()
        if found["deep"]:
            deep = True
            # What follows two dots has none of its own.
            path = path[:at] + ("" if path[at : at + 1] == "[" else ".") + path[at:]
            continue
        if deep:
            values, deep = [inner for one in values for inner in _descend(one)], False
        values = [inner for one in values for inner in _step(one, found, root)]
    return values


def _descend(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _descend(one)


def _step(value: Any, found: re.Match[str], root: Any) -> list[Any]:
    if found["root"]:
        return [value]
    if found["star"] or found["wild"] or found["name"] == "*":
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if found["slice"] is not None:
        return _slice(value, found["slice"])
    if found["filter"] is not None:
        items = value if isinstance(value, list) else []
        return [one for one in items if _holds(one, found["filter"], root)]
    name = found["name"] if found["name"] is not None else found["quoted"]
    name = re.sub(r"\\(.)", r"\1", name)
    return [value[name]] if isinstance(value, dict) and name in value else []


def _slice(value: Any, text: str) -> list[Any]:
    if not isinstance(value, list):
        return []
    numbers = [int(one) if one else None for one in text.split(":")]
    if len(numbers) > 1:
        return value[slice(*numbers)]
    at = numbers[0] or 0
    return [value[at]] if -len(value) <= at < len(value) else []


def _holds(value: Any, text: str, root: Any) -> bool:
    parsed = _FILTER.fullmatch(text.strip())
    if parsed is None:
        raise UsageError(f"jsonpath: {text!r} is no filter")
    found = _find(f"@{parsed['path']}", root, value)
    if not parsed["operator"]:
        return bool(found)
    wanted = _literal(parsed["value"].strip())
    return any(_compare(one, parsed["operator"], wanted) for one in found)


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"'):
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(f"jsonpath: {text!r} is no value") from None


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    if operator in ("==", "!="):
        return (value == wanted) is (operator == "==")
    if type(value) is not type(wanted) or isinstance(value, dict | list):
        return False
    orders = {"<": value < wanted, ">": value > wanted, "<=": value <= wanted, ">=": value >= wanted}
    return bool(orders[operator])


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
