"""The system call filter (config-linux.md#seccomp); names are those of libseccomp."""

from __future__ import annotations

from firkin.oci.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.record import Uint32, Uint64

__all__ = ["Seccomp", "Syscall", "SyscallArg"]


class SyscallArg(Record):
    """A comparison of argument number `index` with `value`; `value_two` is for SCMP_CMP_MASKED_EQ."""

    index: Uint32
    value: Uint64
    value_two: Uint64 = 0
    op: str


class Syscall(Record):
    """What to do at some system calls, when all comparisons hold."""

    names: tuple[str, ...]
    action: str
    errno_ret: Uint32 | None = None
    args: tuple[SyscallArg, ...] = ()


class Seccomp(Record):
    """The filter; without `architectures` it is for the native one."""

    default_action: str
    default_errno_ret: Uint32 | None = None
    architectures: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: tuple[Syscall, ...] = ()
