"""Conditions on arguments, as BPF.

Arguments and values have 64 bits, BPF words 32. Of an architecture with 32-bit registers only the low words count,
so that a value written as a negative 64-bit number fits.
"""

from __future__ import annotations

from sys import byteorder

from firkin.runtime.seccomp.bpf import (
    ARGUMENTS,
    and_,
    assemble,
    jump_equal,
    jump_more,
    jump_not_less,
    load,
    return_,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.runtime.seccomp.bpf import Instruction
    from firkin.runtime.seccomp.rules import Condition, Conditions

__all__ = ["conditional"]

_WORD = 0xFFFFFFFF
_LOW, _HIGH = (0, 4) if byteorder == "little" else (4, 0)
# Operators that are the negation of another one.
_NEGATED = {"NE": "EQ", "LT": "GE", "LE": "GT"}


def conditional(choices: Sequence[tuple[Conditions, int]], otherwise: int, *, wide: bool) -> bytes:
    """A piece of program that ends with the verdict of the first choice whose conditions all hold.

    Parameters: `choices` are conditions and verdicts, `otherwise` is the verdict if no choice holds; `wide` says
    that the architecture has 64-bit registers.
    """
    pieces = [_choice(conditions, verdict, wide=wide) for conditions, verdict in choices]
    return b"".join(pieces) + assemble([return_(otherwise)])


def _choice(conditions: Conditions, verdict: int, *, wide: bool) -> bytes:
    lines: list[Instruction | str] = []
    for index, condition in enumerate(conditions):
        holds = f"holds-{index}"
        lines += [*_test(condition, holds, "fails", wide=wide), holds]
    return assemble([*lines, return_(verdict), "fails"])


def _test(condition: Condition, yes: str, no: str, *, wide: bool) -> list[Instruction | str]:
    argument, operator, value, value_two = condition
    if operator in _NEGATED:
        operator, yes, no = _NEGATED[operator], no, yes
    low = load(ARGUMENTS + 8 * argument + _LOW)
    high = load(ARGUMENTS + 8 * argument + _HIGH)
    if operator == "MASKED_EQ":
        tests = [low, and_(value & _WORD), jump_equal(value_two & value & _WORD, yes, no)]
        if wide:
            tests = [high, and_(value >> 32), jump_equal((value_two & value) >> 32, "", no), *tests]
        return list(tests)
    compare = {"EQ": jump_equal, "GT": jump_more, "GE": jump_not_less}[operator]
    tests = [low, compare(value & _WORD, yes, no)]
    if not wide:
        return list(tests)
    if operator == "EQ":
        return [high, jump_equal(value >> 32, "", no), *tests]
    return [high, jump_more(value >> 32, yes, ""), jump_equal(value >> 32, "", no), *tests]
