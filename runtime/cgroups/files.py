"""`firkin cgroup show` and `set`: interface files, by their names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from firkin.cgroupfs.controllers import CONTROLLERS, find
from firkin.cgroupfs.interface import Model
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupFileError, UsageError
from firkin.oci.json_text import dump
from firkin.runtime.cli.suggest import closest
from firkin.runtime.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.cgroupfs.controllers import Entry
    from firkin.runtime.cli.commands import Invocation

__all__ = ["plain", "set_files", "show"]

_SETTINGS = (Model.WEIGHT, Model.LIMIT, Model.PROTECTION, Model.ALLOCATION, Model.CONTROL)
_NOT_SHOWN = ("cgroup.procs", "cgroup.threads")


def show(invocation: Invocation, path: str, names: Sequence[str]) -> int:
    """Print interface files; returns 0. Raises CgroupError."""
    with Cgroup(path) as group:
        entries = [_known(name) for name in names] or _entries(group, everything=invocation.flag("all"))
        rows = [(entry, _name(entry), group.read(_name(entry))) for entry in entries]
    if invocation.flag("json"):
        print(dump({name: plain(entry.file.decode(text)) for entry, name, text in rows}, 2))
    elif len(names) == 1:
        print(rows[0][2], end="")
    else:
        texts = ([name, _one_line(text), entry.file.model.value] for entry, name, text in rows)
        print(table(("file", "value", "model"), texts), end="")
    return 0


def set_files(_invocation: Invocation, path: str, settings: Sequence[str]) -> int:
    """Write interface files, all or none; returns 0. Raises UsageError, CgroupError."""
    wanted = [_setting(text) for text in settings]
    with Cgroup(path) as group:
        # All are checked before one is written.
        texts = [(_name(entry), entry.file.checked(value, f"{group.path}/{_name(entry)}")) for entry, value in wanted]
        from firkin.cgroupfs.update import write_all

        write_all(group, [(name, line) for name, lines in texts for line in lines])
    return 0


def plain(value: Any) -> Any:
    """A value of an interface file as JSON has it."""
    if hasattr(value, "_asdict"):
        return {key: plain(part) for key, part in value._asdict().items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value


def _setting(text: str) -> tuple[Entry, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"cgroup set: '{text}' is not FILE=VALUE", hint="such as memory.max=512m")
    return _known(name), value


def _known(name: str) -> Entry:
    entry = find(name)
    if entry is None:
        names = [file.name for controller in CONTROLLERS for _, file in controller.files()]
        near = closest(name, names)
        hint = f"did you mean {near}?" if near else "firkin cgroup show GROUP --all lists them"
        raise CgroupFileError(f"{name}: no such interface file is known", file=name, hint=hint)
    return entry


def _name(entry: Entry) -> str:
    return entry.file.name.format(entry.subject)


def _entries(group: Cgroup, *, everything: bool) -> list[Entry]:
    found = [entry for name in os.listdir(group.fileno()) if (entry := find(name))]
    readable = [entry for entry in found if "r" in entry.file.access and entry.file.name not in _NOT_SHOWN]
    shown = [entry for entry in readable if everything or entry.file.model in _SETTINGS]
    return sorted(shown, key=lambda entry: (CONTROLLERS.index(entry.controller), _name(entry)))


def _one_line(text: str) -> str:
    return "; ".join(text.split("\n")[:-1]) if text.count("\n") > 1 else text.strip()
