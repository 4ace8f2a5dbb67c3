"""`firkin config`: what the configuration of the daemons comes to."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "config",
    "show the configuration of the daemons that is in force",
    "dump",
    group="Daemons",
    options=(Option("config", "c", "FILE", "read this file instead of /etc/firkin/config.toml and config.d"),),
    description="Prints every setting as TOML, defaults included. All that is wrong is said in one error.",
    examples=(("firkin config dump", "what firkin cri and firkin kubelet would use"),),
)


def run(invocation: Invocation) -> int:
    """Print the configuration; returns 0. Raises UsageError, ConfigError."""
    from dataclasses import asdict

    from firkin.cri import config as cri
    from firkin.kubelet import config as kubelet
    from firkin.settings import CONFIG_FILE, read_settings

    if invocation.arguments != ["dump"]:
        raise UsageError(f"config: {invocation.arguments[0]!r} is not dump")
    path = invocation.text("config")
    settings = read_settings(path or CONFIG_FILE, required=bool(path))
    for name, load in (("cri", cri.load_config), ("kubelet", kubelet.load_config)):
        config: Any = load(settings, document=path or CONFIG_FILE)
        print("\n".join((*_table(name, asdict(config)), "")))
    return 0


def _table(name: str, values: dict[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in values.items():
        if not isinstance(value, dict):
            yield f"{key} = {_toml(value)}"
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield ""
            yield from _table(f"{name}.{_key(key)}", value)


def _key(text: str) -> str:
    import json

    return text if text.replace("_", "").replace("-", "").isalnum() else json.dumps(text)


def _toml(value: object) -> str:
    # JSON's texts, numbers, lists, true and false are TOML's as well.
    import json

    return json.dumps(list(value) if isinstance(value, tuple) else value)
