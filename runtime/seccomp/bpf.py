"""An assembler for classic BPF as seccomp filters use it (Documentation/networking/filter.rst, seccomp_filter.rst).

Only instructions that the kernel's own look-ahead understands are here: since 5.11 it runs a filter once for every
number, and keeps those that are always allowed in a bitmap that spares them the filter altogether. A filter that
computes with anything but these instructions loses that (seccomp_is_const_allow in kernel/seccomp.c).
"""

from __future__ import annotations

from _struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    # code, operand, label if true, label if false; "" is the next instruction
    Instruction: TypeAlias = tuple[int, int, str, str]

__all__ = [
    "ARCH",
    "ARGUMENTS",
    "INSTRUCTION_SIZE",
    "MAX_INSTRUCTIONS",
    "NUMBER",
    "and_",
    "assemble",
    "jump_equal",
    "jump_more",
    "jump_not_less",
    "load",
    "return_",
    "when",
]

INSTRUCTION_SIZE = 8
MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS

# Offsets in struct seccomp_data.
NUMBER = 0
ARCH = 4
ARGUMENTS = 16

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP = 0x05  # BPF_JMP | BPF_JA
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_MORE = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_JUMP_NOT_LESS = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_FARTHEST = 255  # distance of a conditional jump


def load(offset: int) -> Instruction:
    """Load the 32-bit word at `offset` of struct seccomp_data."""
    return _LOAD_WORD, offset, "", ""


def and_(mask: int) -> Instruction:
    """Keep only the bits of `mask` of the loaded word."""
    return _AND, mask, "", ""


def jump_equal(value: int, label: str = "", otherwise: str = "") -> Instruction:
    """Go on at `label` if the loaded word is `value`, else at `otherwise`; "" is the next instruction."""
    return _JUMP_EQUAL, value, label, otherwise


def jump_more(value: int, label: str = "", otherwise: str = "") -> Instruction:
    """Go on at `label` if the loaded word is more than `value` (unsigned), else at `otherwise`."""
    return _JUMP_MORE, value, label, otherwise


def jump_not_less(value: int, label: str = "", otherwise: str = "") -> Instruction:
    """Go on at `label` if the loaded word is `value` or more (unsigned), else at `otherwise`."""
    return _JUMP_NOT_LESS, value, label, otherwise


def return_(verdict: int) -> Instruction:
    """End with a SECCOMP_RET_* value."""
    return _RETURN, verdict, "", ""


def assemble(lines: Sequence[Instruction | str]) -> bytes:
    """The bytes of a piece of program, in the machine's byte order.

    Parameters: `lines` are instructions and, as strings, labels for the instruction that follows; a label at the end
    stands for what is appended to the piece. Raises ValueError for a jump backwards, or over more than 255
    instructions.
    """
    places = _places(lines)
    program: list[bytes] = []
    for line in lines:
        if not isinstance(line, str):
            code, operand, label, otherwise = line
            following = len(program) + 1
            distances = _distance(label, following, places), _distance(otherwise, following, places)
            program.append(pack("=HBBI", code, *distances, operand))
    return b"".join(program)


def when(condition: Instruction, piece: bytes) -> bytes:
    """`piece` if `condition`, whose labels are of no account, holds; else the program goes on behind it."""
    code, operand, _, _ = condition
    distance = len(piece) // INSTRUCTION_SIZE
    if distance <= _FARTHEST:
        return pack("=HBBI", code, 0, distance, operand) + piece
    return pack("=HBBIHBBI", code, 1, 0, operand, _JUMP, 0, 0, distance) + piece


def _places(lines: Sequence[Instruction | str]) -> dict[str, int]:
    places: dict[str, int] = {}
    count = 0
    for line in lines:
        if isinstance(line, str):
            places[line] = count
        else:
            count += 1
    return places


def _distance(label: str, following: int, places: dict[str, int]) -> int:
    distance = places[label] - following if label else 0
    if not 0 <= distance <= _FARTHEST:
        raise ValueError(f"a jump of {distance} instructions to {label}")
    return distance
