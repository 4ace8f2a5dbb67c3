"""`firkin cgroup ls` and `tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupGoneError, CgroupTopologyError
from firkin.oci.json_text import dump
from firkin.runtime.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.runtime.cli.commands import Invocation

__all__ = ["ls", "tree"]


class Row(TypedDict):
    """One cgroup; `processes` is None where there are only threads, `children` those below it if they are told."""

    name: str
    processes: int | None
    populated: bool
    frozen: bool
    controllers: list[str]
    children: list[Row]


def ls(invocation: Invocation, path: str) -> int:
    """Print the children of the cgroup; returns 0. Raises CgroupError."""
    with Cgroup(path) as group:
        rows = sorted((row for row in map(_describe, group.children()) if row), key=lambda row: row["name"])
    if invocation.flag("json"):
        print(dump([{key: value for key, value in row.items() if key != "children"} for row in rows]))
    else:
        texts = ([row["name"], str(row["processes"]), _state(row), " ".join(row["controllers"])] for row in rows)
        print(table(("name", "processes", "state", "controllers"), texts), end="")
    return 0


def tree(invocation: Invocation, path: str) -> int:
    """Print all cgroups below the cgroup; returns 0. Raises CgroupError."""
    with Cgroup(path) as group:
        found = _subtree(group)
    if found is None:
        raise CgroupGoneError(f"list {path}: the cgroup was removed")
    if invocation.flag("json"):
        print(dump(found, 2))
    else:
        found["name"] = path
        print("".join(f"{line}\n" for line in _draw(found)), end="")
    return 0


def _describe(group: Cgroup) -> Row | None:
    # None for one that was removed meanwhile.
    try:
        events = group.events() if group.has("cgroup.events") else {}
        return {
            "name": group.path.rpartition("/")[2],
            "processes": _number_of_processes(group),
            "populated": events.get("populated") != 0,
            "frozen": events.get("frozen") == 1,
            "controllers": sorted(group.core.controllers),
            "children": [],
        }
    except CgroupGoneError:
        return None


def _number_of_processes(group: Cgroup) -> int | None:
    try:
        return len(group.processes(recursive=False))
    except CgroupTopologyError:
        # In a threaded cgroup there are only threads.
        return None


def _state(row: Row) -> str:
    return "frozen" if row["frozen"] else "populated" if row["populated"] else "empty"


def _subtree(group: Cgroup) -> Row | None:
    row = _describe(group)
    if row is not None:
        children = [child for child in map(_subtree, group.children()) if child]
        row["children"] = sorted(children, key=lambda child: child["name"])
    return row


def _draw(row: Row, first: str = "", rest: str = "") -> Iterator[str]:
    processes = row["processes"]
    number = "" if not processes else f"  {processes} process{'es' if processes != 1 else ''}"
    yield f"{first}{row['name']}{number}{'  frozen' if row['frozen'] else ''}"
    children = row["children"]
    for child in children:
        last = child is children[-1]
        yield from _draw(child, f"{rest}{'└─ ' if last else '├─ '}", f"{rest}{'   ' if last else '│  '}")
