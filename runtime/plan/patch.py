"""What is known only when a plan is run: the process that holds the place of a container in a scope of systemd."""

from __future__ import annotations

from _struct import Struct

from firkin.errors import FirkinError
from firkin.runtime.plan import opcodes as op

__all__ = ["with_placeholder"]

_HEADER = Struct("<6I2I")
_OPERATION = Struct(f"<II{op.ARGS}Q")
_ARGUMENT = Struct("<Q")
_ARGUMENTS = 8
# The numbers of their arguments, in csrc/plan.h.
_PID = {op.OPEN_PROCESS: 1, op.CGROUP_OF: 2}
_STARTED = {op.OPEN_PROCESS: 2}


def with_placeholder(plan: bytes, pid: int, started: int) -> bytes:
    """The plan of a container in a scope, with its placeholder: its id, and its start time in ticks since the boot.

    Raises FirkinError for a plan that has no place for one.
    """
    found = bytearray(plan)
    *_, offset, count = _HEADER.unpack_from(plan)
    placed = 0
    for place in range(offset, offset + count * _OPERATION.size, _OPERATION.size):
        (code, *_rest) = _OPERATION.unpack_from(plan, place)
        for numbers, value in ((_PID, pid), (_STARTED, started)):
            if code in numbers:
                _ARGUMENT.pack_into(found, place + _ARGUMENTS + numbers[code] * _ARGUMENT.size, value)
                placed += 1
    if placed != len(_PID) + len(_STARTED):
        raise FirkinError("the plan is not of a container in a scope")
    return bytes(found)
