"""Which numbers are of system calls that are newer than a profile.

A program meets a kernel that is newer than the profile it runs under. libc tries the new call and falls back to the
old one on ENOSYS, not on the EPERM that profiles answer by default. So numbers above all that the profile names get
ENOSYS.

A profile can not be older than the runtime specification 1.0 (July 2017, Linux 4.12), whose newest call is statx:
what is numbered up to statx keeps the answer that the profile gives.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Range: TypeAlias = tuple[int, int]  # first number, and the one after the last

__all__ = ["newer_numbers"]

# The number -1 is how a tracer skips a call: nothing that has the sign bit is a call.
_END = 1 << 31
_X32_BIT = 0x40000000
# Calls that x32 has for itself (arch/x86/entry/syscalls/syscall_64.tbl): they tell nothing about age.
_X32_OWN = (_X32_BIT + 512, _X32_BIT + 548)
# breakpoint, cacheflush, set_tls ... (arch/arm/include/uapi/asm/unistd.h), far above the common numbers.
_ARM_PRIVATE = 0x0F0000


def newer_numbers(arch: str, named: Iterable[int], statx: int) -> tuple[Range, ...]:
    """The numbers of calls that are newer than a profile, as ascending ranges.

    Parameters: `arch` is libseccomp's name of the architecture, `named` the numbers that the profile names there
    (x32 ones with bit 30), `statx` the number of statx(2) there.
    """
    if arch == "x32":
        return _newer_x32(named, statx)
    end = {"x86_64": _X32_BIT, "arm": _ARM_PRIVATE}.get(arch, _END)
    return ((max([statx, *(number for number in named if number < end)]) + 1, end),)


def _newer_x32(named: Iterable[int], statx: int) -> tuple[Range, ...]:
    first, end = _X32_OWN
    newest = max([statx, *(number for number in named if not first <= number < end)])
    if newest > first:
        return ((newest + 1, _END),)
    return (newest + 1, first), (end, _END)
