"""A machine for eBPF, as far as device programs use it: the oracle of what they allow."""

from __future__ import annotations

import struct

MKNOD, READ, WRITE = 1, 2, 4
BLOCK, CHAR = 1, 2
_WORD = 0xFFFFFFFF


def is_allowed(program: bytes, type_: int, access: int, major: int, minor: int) -> bool:
    """What a device program answers to an attempt. Parameters are those of struct bpf_cgroup_dev_ctx."""
    result = run(program, struct.pack("=III", access << 16 | type_, major, minor))
    assert result in (0, 1)
    return result == 1


def run(program: bytes, context: bytes) -> int:
    """The content of register 0 at the end. What the verifier would refuse is an AssertionError or IndexError."""
    registers: list[int | None] = [None] * 11
    code = list(struct.iter_unpack("=BBhi", program))
    at = 0
    while True:
        operation, pair, offset, value = code[at]
        to, source = pair & 15, pair >> 4
        at += 1
        if operation == 0x95:
            return _defined(registers[0])
        if operation == 0x05:
            assert offset >= 0
            at += offset
        elif operation & 0x0F == 0x06:
            assert offset >= 0
            at += offset if _holds(operation, _defined(registers[to]) & _WORD, value & _WORD) else 0
        else:
            registers[to] = _computed(operation, registers, to, source, offset, value, context)


def _holds(operation: int, left: int, right: int) -> bool:
    return {0x16: left == right, 0x56: left != right, 0x46: left & right != 0}[operation]


def _computed(
    operation: int, registers: list[int | None], to: int, source: int, offset: int, value: int, context: bytes
) -> int:
    if operation == 0x61:
        assert source == 1
        return int(struct.unpack_from("=I", context, offset)[0])
    if operation == 0xB7:
        return value
    if operation == 0xBC:
        return _defined(registers[source]) & _WORD
    before = _defined(registers[to]) & _WORD
    return {0x74: before >> (value & 31), 0x54: before & value & _WORD}[operation]


def _defined(register: int | None) -> int:
    assert register is not None
    return register
