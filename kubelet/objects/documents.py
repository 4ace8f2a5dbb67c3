"""Documents of YAML or JSON, as manifests and clients have them: values, and where in the text each of them is.

Scalars mean what they mean to Kubernetes, whose YAML is neither 1.1 nor 1.2: `y` is true, `0644` is octal, and
`1:30` and `2026-01-02` are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import yaml

from firkin.errors import ConfigError
from firkin.kubelet.objects.json_places import JsonPlaces

__all__ = ["Document", "read_documents"]

_DEEPEST = 100
# An alias is cheap to write and may stand for very much.
_MOST_VALUES = 200_000
_LIST = re.compile(r"(?:[A-Za-z]*)List")
_SURROGATE = re.compile("[\ud800-\udfff]")

_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|y|Y|no|No|NO|n|N|on|On|ON|off|Off|OFF)", "tTfFyYnNoO"),
    ("null", r"(?:~|null|Null|NULL)?", ["", *"~nN"]),
    ("int", r"[-+]?(?:0x[0-9a-fA-F]+|0b[01]+|0o?[0-7]+|0|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.CSafeLoader):
    pass


# It has its own idea of what plain scalars are.
_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"{_pattern}$"), list(_first))


class Document(NamedTuple):
    """One document: a mapping. `source` names where it came from, `places` has (line, column) by path, both from 1."""

    value: dict[str, Any]
    source: str
    places: Mapping[str, tuple[int, int]]

    def place(self, path: str) -> str:
        """Where something is, such as `web.yaml:3:5`: the nearest that the text has of a path such as `spec.x[0]`."""
        path = re.sub(r"\[([^\]0-9][^\]]*)\]", r".\1", path)
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        line, column = self.places.get(path, (1, 1))
        return f"{self.source}:{line}:{column}"


def read_documents(text: bytes, source: str) -> list[Document]:
    """All documents of a text, those in a `List` among them; empty ones are left out.

    Raises ConfigError, which names `source`, line and column, if it is neither YAML nor JSON, or no mapping.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - text.rfind(b"\n", 0, error.start)
        raise _error(source, line, column, "is no text in UTF-8") from error
    return [one for document in _read(decoded, source) for one in _unfold(document)]


def _read(text: str, source: str) -> list[Document]:
    # YAML can begin with a brace too.
    if text.lstrip()[:1] == "{":
        try:
            return list(_read_json(text, source))
        except json.JSONDecodeError:
            pass
    return list(_read_yaml(text, source))


def _unfold(document: Document) -> Iterator[Document]:
    kind, items = document.value.get("kind"), document.value.get("items")
    if not isinstance(kind, str) or not _LIST.fullmatch(kind) or not isinstance(items, list):
        yield document
        return
    common = {"apiVersion": document.value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for number, item in enumerate(items):
        path = f"items[{number}]"
        if not isinstance(item, dict):
            raise ConfigError(path, "is no mapping", document=document.place(path))
        # The items of a PodList may leave out what the list says.
        value = {**(common if common["kind"] else {}), **item}
        places = {
            name.removeprefix(f"{path}").removeprefix("."): place
            for name, place in document.places.items()
            if name == path or name.startswith((f"{path}.", f"{path}["))
        }
        yield from _unfold(Document(value, document.source, places))


def _read_json(text: str, source: str) -> Iterator[Document]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    at = 0
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, at) + 1
            raise _error(source, line, at - text.rfind("\n", 0, at), str(error)) from error
        if not isinstance(value, dict):
            raise _error(source, text.count("\n", 0, at) + 1, 1, "is no mapping")
        yield Document(value, source, JsonPlaces(text, at))
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _read_yaml(text: str, source: str) -> Iterator[Document]:
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            # A document with nothing in it.
            if isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null":
                continue
            reader = _Reader(source)
            value = reader.read(node, "", 0)
            if not isinstance(value, dict):
                raise _marked(source, node.start_mark, "is no mapping")
            yield Document(value, source, reader.places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _marked(source, mark, error.problem or str(error)) from error
    except yaml.YAMLError as error:
        problem = getattr(error, "reason", str(error).splitlines()[0])
        raise _error(source, 1, 1, str(problem)) from error


class _Reader:
    # Makes values of nodes, and notes where they are.

    def __init__(self, source: str) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self._source = source
        self._values = 0

    def read(self, node: yaml.Node, path: str, depth: int) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise self._wrong(node, "has too many values, or aliases that stand for too many")
        if depth > _DEEPEST:
            raise self._wrong(node, "is nested too deep, or contains itself")
        self.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(one, f"{path}[{number}]", depth + 1) for number, one in enumerate(node.value)]
        return self._scalar(cast("yaml.ScalarNode", node))

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            place = f"{path}.{key}" if path else key
            if key_node.tag == f"{_TAG}merge":
                merged = {**self._merge(value_node, path, depth), **merged}
                continue
            if key in value:
                raise self._wrong(key_node, f"key {key!r} is there twice")
            self.places[place] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            value[key] = self.read(value_node, place, depth + 1)
        return {**merged, **value}

    def _merge(self, node: yaml.Node, path: str, depth: int) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for one in nodes:
            if not isinstance(one, yaml.MappingNode):
                raise self._wrong(one, "<< merges mappings only")
            merged = {**self.read(one, path, depth + 1), **merged}
        return merged

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._wrong(node, "a key must be text")
        value = self._scalar(node)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else str(value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        try:
            match node.tag.removeprefix(_TAG):
                case "null":
                    return None
                case "bool":
                    return text in _TRUE
                case "int":
                    return _integer(text)
                case "float":
                    return float(text)
        except ValueError as error:
            raise self._wrong(node, f"{text!r} is no {node.tag.removeprefix(_TAG)}") from error
        return text

    def _wrong(self, node: yaml.Node, reason: str) -> ConfigError:
        return _marked(self._source, node.start_mark, reason)


def _integer(text: str) -> int:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if digits[:2] in ("0x", "0b", "0o"):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if digits[:1] == "0" and len(digits) > 1 else 10)


def _marked(source: str, mark: Any, reason: str) -> ConfigError:
    return _error(source, mark.line + 1, mark.column + 1, reason) if mark else _error(source, 1, 1, reason)


def _error(source: str, line: int, column: int, reason: str) -> ConfigError:
    return ConfigError("", _SURROGATE.sub("?", reason), document=f"{source}:{line}:{column}")
