"""Device rules as an eBPF program of the type BPF_PROG_TYPE_CGROUP_DEVICE.

Each of read, write and mknod is decided by the last rule that names it for the device; an attempt that asks for
several is allowed if all of them are. What no rule names is denied. So far this is what the devices controller of
cgroup v1 does with rules for the same devices; where it ignores a rule (an exception from an exception) or numbers (of
the type `a`), the rule counts here as it is written.

The devices that every container has count as the last rules: what the specification says must be there can be opened.

Source: config-linux.md#allowed-device-list, #default-devices; struct bpf_cgroup_dev_ctx in include/uapi/linux/bpf.h;
Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

from _struct import pack
from itertools import groupby
from sys import byteorder

from firkin.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from firkin.oci.runtime_spec import DeviceRule

    # BPF_DEVCG_DEV_* or None for both, major, minor (None for all)
    Devices: TypeAlias = tuple[int | None, int | None, int | None]
    # those devices, BPF_DEVCG_ACC_* bits, whether they are allowed
    Decision: TypeAlias = tuple[Devices, int, bool]
    # those devices, what to do, and whether that always ends the program
    Step: TypeAlias = tuple[Devices, bytes, bool]

__all__ = ["INSTRUCTION_SIZE", "assemble"]

INSTRUCTION_SIZE = 8
_AT = "linux.resources.devices"

_TYPES = {"": None, "a": None, "b": 1, "c": 2}  # BPF_DEVCG_DEV_BLOCK, _CHAR
_ACCESS = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_MKNOD, _READ, _WRITE
_ALL_ACCESS = 7
_CHAR = 2
_ALL_DEVICES: Devices = (None, None, None)

# A node that is made gives no access by itself. null, zero, full, random, urandom; tty, console, ptmx; pts/*.
_DEFAULTS: tuple[Decision, ...] = (
    (_ALL_DEVICES, _ACCESS["m"], True),
    *[((_CHAR, 1, minor), _ALL_ACCESS, True) for minor in (3, 5, 7, 8, 9)],
    *[((_CHAR, 5, minor), _ALL_ACCESS, True) for minor in (0, 1, 2)],
    ((_CHAR, 136, None), _ALL_ACCESS, True),
)

# Registers: 0 the result, 1 the context; then, of the attempt, what is not decided yet and the device.
_PENDING, _TYPE, _MAJOR, _MINOR = 2, 3, 4, 5
_FIRST_TESTED = _TYPE
_LEVELS = 3

_LOAD_WORD = 0x61  # BPF_LDX | BPF_MEM | BPF_W
_MOVE = 0xBC  # BPF_ALU | BPF_MOV | BPF_X
_SHIFT_RIGHT = 0x74  # BPF_ALU | BPF_RSH | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
# Comparisons of the lower 32 bits (BPF_JMP32, Linux 5.1): a device number may have the highest of them.
_JUMP_EQUAL = 0x16
_JUMP_NOT_EQUAL = 0x56
_JUMP_ANY_BIT = 0x46
_JUMP = 0x05  # BPF_JMP | BPF_JA
_SET_RESULT = 0xB7  # BPF_ALU64 | BPF_MOV | BPF_K
_EXIT = 0x95


def assemble(rules: Sequence[DeviceRule]) -> bytes:
    """The instructions (struct bpf_insn) for a list of rules, in the order of the document.

    Raises ConfigError with the JSON path of a rule whose type, number or access is none.
    """
    program, ends = _nested(list(_steps(rules)), 0)
    return _prologue() + program + (b"" if ends else _verdict(False))


def _steps(rules: Sequence[DeviceRule]) -> Iterator[Step]:
    # From the last rule to the first, each without what later ones have decided for the same devices.
    everywhere = 0
    decided: dict[Devices, int] = {}
    for devices, access, allow in _last_first(rules):
        new = access & ~everywhere & ~decided.get(devices, 0)
        if not new:
            continue
        decided[devices] = decided.get(devices, 0) | new
        final = new | everywhere == _ALL_ACCESS
        yield devices, _verdict(allow) if final else _partial(new, allow), final
        if devices == _ALL_DEVICES:
            everywhere |= new


def _last_first(rules: Sequence[DeviceRule]) -> Iterator[Decision]:
    yield from _DEFAULTS
    for index in range(len(rules) - 1, -1, -1):
        yield _decision(rules[index], f"{_AT}[{index}]")


def _decision(rule: DeviceRule, at: str) -> Decision:
    if rule.type not in _TYPES:
        raise ConfigError(f"{at}.type", f"must be a, b or c, got {rule.type!r}")
    if not rule.access or rule.access.strip("rwm"):
        raise ConfigError(f"{at}.access", f"must be made of r, w and m, got {rule.access!r}")
    access = 0
    for letter in rule.access:
        access |= _ACCESS[letter]
    devices = _TYPES[rule.type], _number(rule.major, f"{at}.major"), _number(rule.minor, f"{at}.minor")
    return devices, access, rule.allow


def _number(number: int | None, at: str) -> int | None:
    if number is None or number == -1:
        return None
    if not 0 <= number <= 0xFFFFFFFF:
        raise ConfigError(at, f"must be a device number, or -1 for all, got {number}")
    return number


def _instruction(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    # Registers share a byte, in the order of a C bit field.
    registers = source << 4 | to if byteorder == "little" else to << 4 | source
    return pack("=BBhI", code, registers, offset, value)


def _prologue() -> bytes:
    return b"".join(
        [
            _instruction(_LOAD_WORD, _TYPE, 1, 0),
            _instruction(_MOVE, _PENDING, _TYPE),
            _instruction(_SHIFT_RIGHT, _PENDING, value=16),
            _instruction(_AND, _TYPE, value=0xFFFF),
            _instruction(_LOAD_WORD, _MAJOR, 1, 4),
            _instruction(_LOAD_WORD, _MINOR, 1, 8),
        ]
    )


def _nested(steps: list[Step], level: int) -> tuple[bytes, bool]:
    # The verifier's time goes with the number of jumps: neighbours share the tests of what they have in common. It
    # refuses instructions that nothing leads to, so nothing follows a step that is final for all that come there.
    if level == _LEVELS - 1:
        return _by_minor(steps)
    program = b""
    for value, group in groupby(steps, lambda step: step[0][level]):
        piece, ends = _nested(list(group), level + 1)
        if value is None:
            program += piece
            if ends:
                return program, True
        else:
            program += _when(_FIRST_TESTED + level, [value], piece)
    return program, False


def _by_minor(steps: list[Step]) -> tuple[bytes, bool]:
    program = b""
    for (all_minors, piece, final), group in groupby(steps, lambda step: (step[0][2] is None, *step[1:])):
        if all_minors:
            program += piece
            if final:
                return program, True
        else:
            program += _when(_MINOR, [minor for (_, _, minor), _, _ in group if minor is not None], piece)
    return program, False


def _when(register: int, values: list[int], piece: bytes) -> bytes:
    # `piece` if the register has one of the values, else the program goes on behind it.
    *others, last = values
    program = b"".join(
        [_instruction(_JUMP_EQUAL, register, offset=len(others) - at, value=value) for at, value in enumerate(others)]
    )
    length = len(piece) // INSTRUCTION_SIZE
    return program + _instruction(_JUMP_NOT_EQUAL, register, offset=length, value=last) + piece


def _verdict(allow: bool) -> bytes:
    return _instruction(_SET_RESULT, value=int(allow)) + _instruction(_EXIT)


def _partial(access: int, allow: bool) -> bytes:
    # Some accesses are decided, and the attempt with them if one is denied or none is left.
    if allow:
        rest = _instruction(_AND, _PENDING, value=_ALL_ACCESS & ~access)
        return rest + _instruction(_JUMP_NOT_EQUAL, _PENDING, offset=2) + _verdict(True)
    asked = _instruction(_JUMP_ANY_BIT, _PENDING, offset=1, value=access)
    return asked + _instruction(_JUMP, offset=2) + _verdict(False)
