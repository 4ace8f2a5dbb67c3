"""From tables to a program: a list of architectures, and for each a binary search over the numbers."""

from __future__ import annotations

from firkin.runtime.seccomp.bpf import ARCH, NUMBER, assemble, jump_equal, jump_not_less, load, return_, when
from firkin.runtime.seccomp.conditions import conditional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firkin.runtime.seccomp.tables import Answer, Table

__all__ = ["program_for"]

_KILL = 0x00000000  # SECCOMP_RET_KILL_THREAD
_X32_BIT = 0x40000000
_NO_CALL = 0xFFFFFFFF  # how a tracer skips a call
_END = 1 << 32
_AUDIT_64BIT = 0x80000000  # __AUDIT_ARCH_64BIT
_AUDIT_N32 = 0x20000000  # __AUDIT_ARCH_CONVENTION_MIPS64_N32: 32-bit registers all the same


def program_for(tables: Mapping[str, tuple[int, Table]]) -> bytes:
    """The filter of some architectures, tested in this order; calls of all others kill the thread.

    Parameters: `tables` gives libseccomp's token and the answers for its name of an architecture.
    """
    pieces = []
    for name, (token, table) in tables.items():
        if name == "x86_64" or (name == "x32" and "x86_64" not in tables):
            pieces.append(_section(token | _AUDIT_64BIT, _x86_64(tables)))
        elif name != "x32":
            wide = token & (_AUDIT_64BIT | _AUDIT_N32) == _AUDIT_64BIT
            pieces.append(_section(token, _leaves(table, 0, _END, wide=wide)))
    return assemble([load(ARCH)]) + b"".join(pieces) + assemble([return_(_KILL)])


def _x86_64(tables: Mapping[str, tuple[int, Table]]) -> list[tuple[int, bytes]]:
    # One architecture for the kernel, two for libseccomp: x32 has its numbers from bit 30 on.
    kill = assemble([return_(_KILL)])
    leaves = [(0, kill)]
    if "x86_64" in tables:
        table = tables["x86_64"][1]
        default = assemble([return_(table.default)])
        leaves = [*_leaves(table, 0, _X32_BIT, wide=True), (_X32_BIT, kill), (_NO_CALL, default)]
    if "x32" in tables:
        leaves = [leaf for leaf in leaves if leaf[0] < _X32_BIT]
        leaves += _leaves(tables["x32"][1], _X32_BIT, _END, wide=False)
    return leaves


def _leaves(table: Table, first: int, end: int, *, wide: bool) -> list[tuple[int, bytes]]:
    return [(start, _leaf(answer, table.default, wide=wide)) for start, answer in table.ranges(first, end)]


def _leaf(answer: Answer, default: int, *, wide: bool) -> bytes:
    if isinstance(answer, int):
        return assemble([return_(answer)])
    return conditional(answer, default, wide=wide)


def _section(audit_arch: int, leaves: Sequence[tuple[int, bytes]]) -> bytes:
    return when(jump_equal(audit_arch), assemble([load(NUMBER)]) + _search(leaves))


def _search(leaves: Sequence[tuple[int, bytes]]) -> bytes:
    # Leaves begin at a number, and end with a return.
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    return when(jump_not_less(leaves[middle][0]), _search(leaves[middle:])) + _search(leaves[:middle])
