"""The configuration of the daemons: /etc/firkin/config.toml and what config.d beside it adds, all of it optional.

Later files win, key by key; config.d is read in the order of names. What a section may hold is for its owner to say.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from firkin.errors import ConfigError

__all__ = ["CONFIG_FILE", "decode_section", "decode_settings", "read_settings"]

_T = TypeVar("_T")
_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}
_EMPTY: dict[Any, Any] = {str: "", int: 0, bool: False}

CONFIG_FILE = "/etc/firkin/config.toml"
"""Where the configuration is, if nobody says otherwise."""


def read_settings(path: str = CONFIG_FILE, *, required: bool = False) -> Mapping[str, Any]:
    """The settings of the file and of `config.d/*.toml` beside it, merged; empty if there is none.

    Parameters: `required` makes it an error that `path` does not exist.
    Raises ConfigError, with the file as the document, for what is not TOML or can not be read.
    """
    settings: dict[str, Any] = {}
    for file in _files(path, required=required):
        _merge(settings, _read(file))
    return settings


def _files(path: str, *, required: bool) -> Iterator[str]:
    if required or os.path.exists(path):
        yield path
    folder = os.path.join(os.path.dirname(path), "config.d")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".toml"))
    except FileNotFoundError:
        return
    yield from (os.path.join(folder, name) for name in names)


def _read(file: str) -> dict[str, Any]:
    try:
        with open(file, "rb") as opened:
            return tomllib.load(opened)
    except OSError as error:
        raise ConfigError("", error.strerror or str(error), document=file) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("", f"is not TOML: {error}", document=file) from error


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            into[key] = value


def decode_section(
    cls: type[_T], settings: Mapping[str, Any], name: str, check: Callable[[_T], Iterable[str]], document: str
) -> _T:
    """The section of one daemon, as a dataclass. Parameters: `check` tells what its values may not be.

    Raises ConfigError that names every key that is wrong, not the first alone.
    """
    section = settings.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(name, f"expected a table, got {section!r}", document=document)
    config, faults = decode_settings(cls, section, name)
    faults += check(config)
    if faults:
        raise ConfigError("", "; ".join(faults), document=document)
    return config


def decode_settings(cls: type[_T], table: Mapping[str, Any], path: str = "") -> tuple[_T, list[str]]:
    """A dataclass from a table of TOML, and all that is wrong with the table, a text each with its key.

    Understood are fields of str, int, bool, tuple[str, ...], dataclasses, and dict[str, dataclass]. What is wrong
    keeps its default, or is empty where it has none: use the result only if there is no fault.
    """
    faults: list[str] = []
    hints = get_type_hints(cls)
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    faults += [f"{_join(path, key)}: unknown key" for key in table if key not in known]
    values: dict[str, Any] = {}
    for name in known & table.keys():
        found = list(_convert(hints[name], table[name], _join(path, name), faults))
        values.update((name, value) for value in found)
    missing = [field.name for field in fields(cls) if not _has_default(field) and field.name not in values]  # type: ignore[arg-type]
    if missing:
        faults += [f"{_join(path, name)}: is missing" for name in missing]
        values.update((name, _EMPTY.get(hints[name])) for name in missing)
    return cls(**values), faults


def _has_default(field: Any) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _convert(kind: Any, value: Any, path: str, faults: list[str]) -> Iterator[Any]:
    # Yields the value, or nothing after a fault.
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        found, more = decode_settings(kind, value, path)
        faults += more
        yield found
    elif get_origin(kind) is dict and isinstance(value, dict):
        item = get_args(kind)[1]
        yield {key: found for key, one in value.items() for found in _convert(item, one, _join(path, key), faults)}
    elif get_origin(kind) is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
        yield tuple(value)
    elif kind in _NAMES and type(value) is kind:
        yield value
    else:
        expected = _NAMES.get(kind) or ("a list of texts" if get_origin(kind) is tuple else "a table")
        faults.append(f"{path}: expected {expected}, got {value!r}")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
