"""Trees from YAML: read, checked, every fault with its line.

machine: {cpus: 4, memory: 8G}
groups:
  web:
    cpu.weight: 300
    memory.low: 2G
    demand: {threads: 8, memory: 3G}
    groups: {...}
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import yaml

from firkin.errors import ConfigError, KernelError
from firkin.workbench.cpusets import check_cpusets
from firkin.workbench.plan import Demand, Machine, Plan, PlannedGroup, changed, walk
from firkin.workbench.settings import DEMANDS, MACHINE, SETTINGS, Key

__all__ = ["edit", "parse_plan", "read_plan"]

_DEEPEST = 64
_MOST = 1_000_000


def read_plan(path: str) -> Plan:
    """The plan in a file. Raises ConfigError, KernelError."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse_plan(file.read(), path)
    except OSError as error:
        raise KernelError(f"read {path}", error.errno or 0) from error
    except UnicodeDecodeError as error:
        raise ConfigError("", f"is not UTF-8 text: {error.reason} at byte {error.start}", document=path) from error


def parse_plan(text: str, document: str) -> Plan:
    """The plan that a text describes; `document` names it in errors. Raises ConfigError for the first fault."""
    with _no_collection():
        return _parse(text, document)


@contextmanager
def _no_collection() -> Iterator[None]:
    # Hundreds of thousands of objects come into being and none becomes garbage: looking for it is most of the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse(text: str, document: str) -> Plan:
    reader = _Reader(document)
    try:
        # Values are read by their keys here, so none has to be recognized.
        node = yaml.compose(text, Loader=yaml.CBaseLoader)
    except yaml.YAMLError as error:
        raise _syntax_error(error, document) from error
    if node is None:
        raise ConfigError("", "is empty", document=document, hint="it needs machine: and groups:")
    parts = dict(reader.entries(node, ""))
    if unknown := parts.keys() - {"machine", "groups"}:
        raise reader.fault(parts[min(unknown)], min(unknown), "unknown key; a tree has machine and groups")
    machine = reader.machine(parts["machine"]) if "machine" in parts else Machine()
    root = PlannedGroup("/", "", children=reader.groups(parts["groups"], "") if "groups" in parts else ())
    _check(root, document)
    plan = Plan(machine, root)
    check_cpusets(plan, document)
    return plan


def edit(plan: Plan, text: str) -> Plan:
    """The plan with one thing changed: `web/cpu.weight=400`, `web/demand.memory=2G` or `machine.cpus=8`.

    Raises ConfigError.
    """
    changed_plan = _edited(plan, text)
    check_cpusets(changed_plan, f"--set {text}")
    return changed_plan


def _edited(plan: Plan, text: str) -> Plan:
    where, equals, value = text.partition("=")
    path, _, key = where.rpartition("/")
    if not equals:
        raise ConfigError("", f"{text!r} is not GROUP/FILE=VALUE", document="--set")
    try:
        if not path and key.startswith("machine."):
            known = MACHINE[key.removeprefix("machine.")]
            return replace(plan, machine=replace(plan.machine, **{known.field: known.read(value)}))  # type: ignore[arg-type]
        group = next(group for group in walk(plan.root) if path and group.path == path)
        if key.startswith("demand."):
            known = DEMANDS[key.removeprefix("demand.")]
            demand = replace(group.demand, **{known.field: known.read(value)})  # type: ignore[arg-type]
            return replace(plan, root=changed(plan.root, path, demand=demand))
        known = SETTINGS[key]
        return replace(plan, root=changed(plan.root, path, **{known.field: known.read(value)}))
    except StopIteration:
        raise ConfigError(where, f"there is no group {path!r}", document="--set") from None
    except KeyError:
        keys = ", ".join([*SETTINGS, *(f"demand.{name}" for name in DEMANDS)])
        raise ConfigError(where, f"unknown key {key!r}", document="--set", hint=f"known are {keys}") from None
    except ValueError as error:
        raise ConfigError(where, str(error), document="--set") from error


def _syntax_error(error: yaml.YAMLError, document: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    place = f"{document}:{mark.line + 1}:{mark.column + 1}" if mark else document
    return ConfigError("", getattr(error, "problem", None) or str(error), document=place)


def _check(root: PlannedGroup, document: str) -> None:
    for group in walk(root):
        if group.path and group.children and group.demand != Demand():
            reason = "only groups without children have processes (the no-internal-process rule of cgroup v2)"
            raise ConfigError(f"{group.path}.demand", reason, document=document, hint="make a child group for them")


class _Reader:
    def __init__(self, document: str) -> None:
        self._document = document
        self._open: list[int] = []
        self._count = 0

    def fault(self, node: Any, path: str, reason: str) -> ConfigError:
        mark = node.start_mark
        return ConfigError(path, reason, document=f"{self._document}:{mark.line + 1}:{mark.column + 1}")

    def entries(self, node: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null"):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.fault(node, path, "is not a mapping of keys to values")
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.fault(key, path, "a key is not a name")
            if key.value in seen:
                raise self.fault(key, _join(path, key.value), "is there twice")
            seen.add(key.value)
            yield key.value, value

    def machine(self, node: Any) -> Machine:
        return Machine(**self._values(node, "machine", MACHINE))

    def groups(self, node: Any, path: str) -> tuple[PlannedGroup, ...]:
        return tuple(self._group(value, name, f"{path}/{name}".lstrip("/")) for name, value in self.entries(node, path))

    def _group(self, node: Any, name: str, path: str) -> PlannedGroup:
        if not name or "/" in name or name in (".", ".."):
            raise self.fault(node, path, f"{name!r} is not the name of a group")
        # An alias may lead back to a group that it is in.
        if id(node) in self._open or len(self._open) >= _DEEPEST:
            raise self.fault(node, path, "the group is inside itself, or too deep")
        self._count += 1
        if self._count > _MOST:
            raise self.fault(node, path, f"more than {_MOST} groups")
        self._open.append(id(node))
        try:
            entries = dict(self.entries(node, path))
            children = self.groups(entries.pop("groups"), path) if "groups" in entries else ()
            demand = Demand(**self._demand(entries.pop("demand", None), f"{path}.demand"))
            return PlannedGroup(name, path, demand, children=children, **self._read(entries, path, SETTINGS))
        finally:
            self._open.pop()

    def _demand(self, node: Any, path: str) -> dict[str, Any]:
        found = self._values(node, path, DEMANDS) if node is not None else {}
        if "cpu" in found and "threads" not in found:
            found["threads"] = math.ceil(found["cpu"])
        return found

    def _values(self, node: Any, path: str, keys: Mapping[str, Key]) -> dict[str, Any]:
        return self._read(dict(self.entries(node, path)), path, keys)

    def _read(self, entries: Mapping[str, Any], path: str, keys: Mapping[str, Key]) -> dict[str, Any]:
        found = {}
        for name, value in entries.items():
            if name not in keys:
                raise self.fault(value, _join(path, name), f"unknown key; known are {', '.join(keys)}")
            if not isinstance(value, yaml.ScalarNode):
                raise self.fault(value, _join(path, name), "is not one value")
            found[keys[name].field] = self._scalar(value, _join(path, name), keys[name].read)
        return found

    def _scalar(self, node: Any, path: str, read: Callable[[str], object]) -> object:
        try:
            return read(node.value)
        except ValueError as error:
            raise self.fault(node, path, str(error)) from error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
