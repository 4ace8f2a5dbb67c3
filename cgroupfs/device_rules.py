"""Device programs of live cgroups: attached, and replaced without a moment in between.

Source: bpf(2); kernel/bpf/cgroup.c, BPF_F_REPLACE (Linux 5.6).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from firkin.cgroupfs._kernel import ffi, lib
from firkin.cgroupfs.device_program import assemble
from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.errors import CgroupBusyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec import DeviceRule

__all__ = ["attached_programs", "replace_device_rules"]

_ROOM = 64


def attached_programs(group: Handle) -> list[int]:
    """The ids of the device programs attached to the cgroup itself. Raises CgroupError."""
    ids = ffi.new("uint32_t[]", _ROOM)
    return list(ids[0 : _called(group, "list device programs", lib.device_program_list, ids, _ROOM)])


def replace_device_rules(group: Handle, rules: Sequence[DeviceRule]) -> None:
    """Put the program of `rules` in the place of the one that is attached; at each instant one of both decides.

    Where none is attached the new one is the first. The devices that the specification gives to every container stay
    allowed, whatever the rules say. Raises CgroupBusyError if there are several, of which one is
    somebody else's; CgroupError.
    """
    old = attached_programs(group)
    if len(old) > 1:
        raise CgroupBusyError(
            f"replace the device program of {group.path}: {len(old)} are attached", verb="replace", file=group.path,
            hint="one of them is not firkin's; `bpftool cgroup show` lists them",
        )  # fmt: skip
    instructions = assemble(rules)
    new = _called(group, "load a device program for", _load, instructions)
    replaced = -1
    try:
        if old:
            replaced = _called(group, "open the device program of", _open, old[0])
        _called(group, "attach a device program to", lib.device_program_attach, new, replaced)
    finally:
        os.close(new)
        if replaced >= 0:
            os.close(replaced)


def _load(_group: int, instructions: bytes) -> int:
    return lib.device_program_load(ffi.from_buffer(instructions), len(instructions))


def _open(_group: int, id: int) -> int:
    return lib.device_program_open(id)


def _called(group: Handle, verb: str, call: Callable[..., int], *arguments: Any) -> int:
    result = call(group.fileno(), *arguments)
    if result < 0:
        raise failed(verb, group.path, OSError(-result, os.strerror(-result)))
    return result
