"""A machine for classic BPF, as far as seccomp filters use it: the oracle of what a compiled filter does."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence

AUDIT_ARCH_I386 = 0x40000003
AUDIT_ARCH_X86_64 = 0xC000003E
AUDIT_ARCH_ARM = 0x40000028
AUDIT_ARCH_AARCH64 = 0xC00000B7
X32_BIT = 0x40000000

KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
ERRNO = 0x00050000
NOTIFY = 0x7FC00000
TRACE = 0x7FF00000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000


class ArgumentRead(Exception):  # noqa: N818
    """The filter looks at more than number and architecture."""


def verdict(program: bytes, number: int, arch: int = AUDIT_ARCH_X86_64, args: Sequence[int] = ()) -> int:
    """What the filter answers to a call. Parameters are those of struct seccomp_data."""
    words = [*args, 0, 0, 0, 0, 0, 0][:6]
    return _run(program, struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *words))[0]


def steps(program: bytes, number: int, arch: int = AUDIT_ARCH_X86_64) -> int:
    """How many instructions a call without arguments runs."""
    return _run(program, struct.pack("=IIQ6Q", number, arch, *[0] * 7))[1]


def is_always_allowed(program: bytes, number: int, arch: int = AUDIT_ARCH_X86_64) -> bool:
    """Whether the kernel's look-ahead would spare this call the filter (seccomp_is_const_allow)."""
    try:
        return _run(program, struct.pack("=II", number, arch))[0] == ALLOW
    except ArgumentRead:
        return False


def instructions(program: bytes) -> list[tuple[int, int, int, int]]:
    """Code, jump if true, jump if false and operand of each instruction."""
    return [(code, true, false, k) for code, true, false, k in struct.iter_unpack("=HBBI", program)]


def _run(program: bytes, data: bytes) -> tuple[int, int]:
    # The verdict, and the number of instructions.
    accumulator = at = count = 0
    while True:
        operation, true, false, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        count += 1
        if operation == 0x06:
            return k, count
        if operation == 0x20:
            accumulator = _load(data, k)
        elif operation == 0x54:
            accumulator &= k
        elif operation == 0x05:
            at += k
        else:
            at += true if _holds(operation, accumulator, k) else false


def _load(data: bytes, offset: int) -> int:
    assert offset % 4 == 0
    if offset + 4 > len(data):
        raise ArgumentRead(offset)
    return int.from_bytes(data[offset : offset + 4], sys.byteorder)


def _holds(operation: int, accumulator: int, k: int) -> bool:
    if operation == 0x15:
        return accumulator == k
    if operation == 0x25:
        return accumulator > k
    if operation == 0x35:
        return accumulator >= k
    assert operation == 0x45, hex(operation)
    return accumulator & k != 0
