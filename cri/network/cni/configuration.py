"""The configuration of a network: a list of plug-ins.

Source: CNI specification, section 1, "Network configuration format".
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firkin.cri.network.cni.version import FIRST, highest
from firkin.errors import ConfigError
from firkin.oci.json_text import dump, parse

__all__ = ["Configuration", "Plugin", "decode_configuration", "load_configuration", "select_files"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plug-in of a network: the name of its program, what it can take of the runtime, and all that it is given."""

    type: str
    capabilities: frozenset[str]
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A network: `version` is the one of the specification that is spoken with its plug-ins.

    `text` is the whole of it as one configuration list, which decodes to the same; `path` where it was read.
    """

    name: str
    version: str
    plugins: tuple[Plugin, ...]
    disable_check: bool
    disable_gc: bool
    text: str
    path: str


def select_files(directory: str, extensions: tuple[str, ...]) -> list[str]:
    """The paths of the files with these extensions, sorted; none if there is no such directory. Raises OSError."""
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if not entry.is_dir() and entry.name.endswith(extensions)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [f"{directory}/{name}" for name in sorted(names)]


def load_configuration(path: str) -> Configuration:
    """The network that a file configures: a list if it is called .conflist, else one plug-in (.conf, .json).

    A list is completed by the files NAME/*.conf beside it, unless it has `loadOnlyInlinedPlugins`.
    Raises ConfigError with the place that is wrong, OSError.
    """
    document = _read(path)
    if not path.endswith(".conflist"):
        if "plugins" in document:
            raise ConfigError("plugins", "is a list of plug-ins: name the file .conflist", document=path)
        document = {key: document[key] for key in ("name", "cniVersion") if key in document} | {"plugins": [document]}
        return _decode(document, path)
    plugins = _field(document, "plugins", list, [], path)
    only_inlined = _flag(document, "loadOnlyInlinedPlugins", path)
    if only_inlined and "plugins" not in document:
        raise ConfigError("loadOnlyInlinedPlugins", "is true, and there is no list of plugins", document=path)
    if not only_inlined and _NAME.fullmatch(name := _field(document, "name", str, "", path)):
        others = select_files(f"{os.path.dirname(path)}/{name}", (".conf",))
        document = document | {"plugins": [*plugins, *(_read(other) for other in others)]}
    return _decode(document, path)


def decode_configuration(text: str | bytes, path: str) -> Configuration:
    """The network of a configuration list as `Configuration.text` has it. Raises ConfigError."""
    return _decode(_object(parse(text, path), "", path), path)


def _decode(document: Mapping[str, Any], path: str) -> Configuration:
    name = _field(document, "name", str, "", path)
    if not _NAME.fullmatch(name):
        raise ConfigError("name", f"{name!r} is not made of letters, digits, '_', '.' and '-'", document=path)
    versions = [str(version) for version in _field(document, "cniVersions", list, [], path)]
    if version := _field(document, "cniVersion", str, "", path):
        versions.append(version)
    chosen = highest(versions or [FIRST], path)
    plugins = _field(document, "plugins", list, [], path)
    if not plugins:
        raise ConfigError("plugins", "there is none", document=path)
    return Configuration(
        name=name,
        version=chosen,
        plugins=tuple(_plugin(each, f"plugins[{at}]", path) for at, each in enumerate(plugins)),
        disable_check=_flag(document, "disableCheck", path),
        disable_gc=_flag(document, "disableGC", path),
        text=dump({**document, "loadOnlyInlinedPlugins": True}),
        path=path,
    )


def _plugin(value: object, place: str, path: str) -> Plugin:
    document = _object(value, place, path)
    kind = document.get("type")
    if not isinstance(kind, str) or not kind or "/" in kind or kind in (".", ".."):
        raise ConfigError(f"{place}.type", f"{kind!r} is not the name of a program", document=path)
    capabilities = document.get("capabilities")
    capabilities = _object({} if capabilities is None else capabilities, f"{place}.capabilities", path)
    return Plugin(kind, frozenset(name for name, is_wanted in capabilities.items() if is_wanted is True), document)


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise ConfigError("", f"is longer than {_MOST} bytes", document=path)
    return _object(parse(data, path), "", path)


def _object(value: object, place: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(place, "is not an object", document=path)
    return value


def _field(document: Mapping[str, Any], key: str, kind: type[Any], default: object, path: str) -> Any:
    value = document.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise ConfigError(key, f"is not a {'list' if kind is list else 'text'}", document=path)
    return value


def _flag(document: Mapping[str, Any], key: str, path: str) -> bool:
    # libcni takes the words too.
    value = document.get(key)
    words = {True: True, False: False, None: False, "true": True, "false": False}
    chosen = (
        words.get(value.lower() if isinstance(value, str) else value) if not isinstance(value, (list, dict)) else None
    )
    if chosen is None:
        raise ConfigError(key, f"{value!r} is neither true nor false", document=path)
    return chosen
