"""New limits for a live cgroup: raised before others are lowered, checked, and taken back if one is refused.

Source: config-linux.md, "Control groups"; Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from firkin.cgroupfs.controllers import find
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.resources import writes
from firkin.errors import CgroupError, CgroupFileError, ConfigError

if TYPE_CHECKING:
    from firkin.cgroupfs.resources import Write
    from firkin.cgroupfs.tree import Cgroup
    from firkin.oci.runtime_spec import Resources

__all__ = ["in_safe_order", "update", "write_all"]

_KEYED = ("io.", "rdma.", "misc.", "dmem.")


def update(group: Cgroup, resources: Resources, *, place: str = "linux.resources") -> None:
    """Give the live cgroup the limits of `resources`; what they do not name stays as it is.

    Parameters: `place` is the JSON path of the resources in their document, "" for the root.
    Raises UnsupportedError, ConfigError with the path of what can not be; CgroupError for what the kernel refuses:
    then the limits are as before.
    """
    hierarchy = known_hierarchy()
    wanted = writes(resources, hierarchy.controllers, hierarchy.missing, place=place)
    _check_memory(group, resources, f"{place}." if place else "")
    _write_or_restore(group, in_safe_order(wanted, group.read))
    if resources.devices:
        from firkin.cgroupfs.device_rules import replace_device_rules

        replace_device_rules(group, resources.devices)


def in_safe_order(wanted: Sequence[Write], read: Callable[[str], str]) -> list[Write]:
    """The writes of `wanted` in an order that is safe while processes run.

    Memory: what is raised comes before what is lowered, so that lowering one of memory and swap finds the room that
    the other got. Bandwidth: the burst is never above the quota. Everything else keeps its place.
    Parameters: `read` gives the text of a file as it is now.
    """
    memory = [write for write in wanted if write.file in ("memory.max", "memory.swap.max")]
    moved = sorted(memory, key=lambda write: _is_lowered(write, read))
    ordered = [moved.pop(0) if write in memory else write for write in wanted]
    return _bandwidth_ordered(ordered, read)


def _bandwidth_ordered(wanted: list[Write], read: Callable[[str], str]) -> list[Write]:
    # For a cgroup that has no burst yet the burst is set to 0 first; here the old quota decides.
    bursts = [write for write in wanted if write.file == "cpu.max.burst"]
    quotas = [write for write in wanted if write.file == "cpu.max"]
    if not bursts or not quotas:
        return wanted
    at = min(wanted.index(bursts[0]), wanted.index(quotas[0]))
    others = [write for write in wanted if write not in bursts and write not in quotas]
    burst_first = int(bursts[-1].value) <= _number(read("cpu.max"))
    pair = [bursts[-1], quotas[-1]] if burst_first else [quotas[-1], bursts[-1]]
    return [*others[:at], *pair, *others[at:]]


def _is_lowered(write: Write, read: Callable[[str], str]) -> bool:
    try:
        return _number(write.value) < _number(read(write.file))
    except CgroupFileError:
        return False


def _number(text: str) -> float:
    word = text.split()[0]
    return float("inf") if word == "max" else int(word)


def _check_memory(group: Cgroup, resources: Resources, prefix: str) -> None:
    # What is in use would have to be reclaimed, or ends in the OOM killer.
    memory = resources.memory
    if not memory or not memory.check_before_update or not memory.limit or memory.limit < 0:
        return
    used = int(group.read("memory.current"))
    if used > memory.limit:
        reason = f"{memory.limit} bytes are less than the {used} in use"
        raise ConfigError(f"{prefix}memory.limit", reason, hint="checkBeforeUpdate is set")


def write_all(group: Cgroup, wanted: Sequence[tuple[str, str]]) -> None:
    """Write (file, value) pairs in their order; where one is refused the files are as before. Raises CgroupError."""
    done: list[tuple[str, str]] = []
    for file, value in wanted:
        _write_one(group, file, value, done)


def _write_or_restore(group: Cgroup, wanted: Sequence[Write]) -> None:
    done: list[tuple[str, str]] = []
    for write in wanted:
        if write.optional and not group.has(write.file):
            continue
        try:
            _write_one(group, write.file, write.value, done)
        except CgroupError as error:
            error.message = f"{write.path}: {error.message}"
            raise


def _write_one(group: Cgroup, file: str, value: str, done: list[tuple[str, str]]) -> None:
    # `done` holds what restores the files that were written.
    try:
        # Of a file that is not there the write tells why.
        before = _before(group, file, value) if group.has(file) else []
        group.write(file, value)
    except CgroupError:
        for changed, text in reversed(done):
            group.write(changed, text)
        raise
    done += [(file, line) for line in before]


def _before(group: Cgroup, file: str, value: str) -> list[str]:
    """What to write to have the file as it is now; nothing for one that can only be written."""
    entry = find(file)
    if entry and "r" not in entry.file.access:
        return []
    text = group.read(file).rstrip("\n")
    if not file.startswith(_KEYED):
        return [text or "\n"]
    key = value.split()[0]
    line = next((line for line in text.split("\n") if line.split(" ")[0] == key), None)
    if line:
        return [line]
    if file in ("io.weight", "io.bfq.weight"):
        return [f"{key} default"]
    return [" ".join([key, *(f"{pair.partition('=')[0]}=max" for pair in value.split()[1:])])]
