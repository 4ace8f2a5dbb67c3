"""A profile's rules by architecture and number: what the filter answers to each call."""

from __future__ import annotations

from firkin.runtime.seccomp import libseccomp
from firkin.runtime.seccomp.newer import newer_numbers
from firkin.runtime.seccomp.rules import EPERM_VERDICT, is_laxer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from firkin.runtime.seccomp.rules import Conditions, Rule

    # What is answered: a verdict, or conditions with theirs, of which the first that holds counts
    Answer: TypeAlias = int | list[tuple[Conditions, int]]

__all__ = ["Table", "table_for"]

_ENOSYS_VERDICT = 0x00050000 | 38  # SECCOMP_RET_ERRNO | ENOSYS
# Multiplexers: the name of the call, the base of the numbers of its parts in libseccomp, the bits that tell the part.
# The high half of the first argument of ipc(2) is a version.
_MULTIPLEXERS = (("socketcall", -100, 0xFFFFFFFF), ("ipc", -200, 0xFFFF))
_AROUND_STATX = 400


class Table:
    """What is answered to the calls of one architecture: `answers` by number, `default` to all others.

    Numbers in the ranges `newer` have no answer of their own, and do not exist for the container.
    """

    __slots__ = ("answers", "default", "newer")

    def __init__(self, default: int) -> None:
        self.default = default
        self.answers: dict[int, Answer] = {}
        self.newer: tuple[tuple[int, int], ...] = ()

    def ranges(self, first: int, end: int) -> Iterator[tuple[int, Answer]]:
        """The numbers from `first` up to `end` as (first of a range, answer); neighbours have different answers."""
        borders = {first, *(number for pair in self.newer for number in pair)}
        for number in self.answers:
            borders |= {number, number + 1}
        last: Answer | None = None
        for border in sorted(borders):
            answer = self._answer(border)
            if first <= border < end and answer != last:
                yield border, answer
                last = answer

    def _answer(self, number: int) -> Answer:
        if any(start <= number < end for start, end in self.newer):
            return _ENOSYS_VERDICT
        return self.answers.get(number, self.default)


def table_for(arch: str, token: int, rules: Sequence[Rule], default: int) -> Table:
    """The answers of a profile's rules for an architecture, given by libseccomp's name and token.

    Of rules for one call, one without conditions counts before those with, and else the first in the document. A rule
    for the default verdict says nothing.
    """
    table = Table(default)
    numbers = _Numbers(token)
    named = []
    for rule in rules:
        for name in rule.names:
            for number, part in numbers.of(name):
                named.append(number)
                if rule.verdict != default:
                    _add(table, number, rule, part)
    statx = libseccomp.syscall_number(token, "statx")
    # Only a default of EPERM is the answer of someone who thought of calls to forbid; all others are meant.
    if default == EPERM_VERDICT and statx is not None:
        table.newer = newer_numbers(arch, named, statx)
    return table


def _add(table: Table, number: int, rule: Rule, part: Conditions) -> None:
    answer = table.answers.get(number, [])
    if isinstance(answer, int):
        return
    for conditions in rule.alternatives:
        if not part and not conditions:
            table.answers[number] = rule.verdict
            return
        # The arguments of a part lie in memory. What can not be seen is taken to be the worse.
        if not (part and conditions and is_laxer(rule.verdict, table.default)):
            answer = [*answer, (part or conditions, rule.verdict)]
            table.answers[number] = answer


class _Numbers:
    """Where an architecture has its calls: each as numbers, with the condition that makes it that call."""

    def __init__(self, token: int) -> None:
        self._token = token
        self._multiplexers = [
            (number, base, mask)
            for name, base, mask in _MULTIPLEXERS
            if (number := libseccomp.syscall_number(token, name) or 0) > 0
        ]
        self._direct = self._parts_with_numbers() if self._multiplexers else {}

    def of(self, name: str) -> Iterator[tuple[int, Conditions]]:
        number = libseccomp.syscall_number(self._token, name)
        if number is None:
            return
        if number >= 0:
            yield number, ()
        for multiplexer, base, mask in self._multiplexers:
            if base - 100 < number < base:
                yield multiplexer, ((0, "MASKED_EQ", mask, base - number),)
                if name in self._direct:
                    yield self._direct[name], ()

    def _parts_with_numbers(self) -> dict[str, int]:
        # libseccomp tells the numbers that parts got later (Linux 4.3, 5.1) only in this direction.
        statx = libseccomp.syscall_number(self._token, "statx") or 0
        names = {}
        for number in range(max(statx - _AROUND_STATX, 0), statx + _AROUND_STATX):
            name = libseccomp.syscall_name(self._token, number)
            if name is not None:
                names[name] = number
        return names
