"""The kernel takes the filters and does what they say."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable

from firkin.oci.runtime_spec import Seccomp, Syscall, SyscallArg
from firkin.runtime.seccomp import Filter, libseccomp
from firkin.runtime.seccomp.compile import compile_filter
from tests.support.seccomp_profile import profile

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
NATIVE = libseccomp.native_architecture()
NEW_USER = 0x10000000


class SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def number(name: str) -> int:
    found = libseccomp.syscall_number(NATIVE, name)
    assert found is not None
    return found


NUMBERS = {name: number(name) for name in ("seccomp", "getppid", "unshare", "mount", "mkdirat", "personality", "read")}
libc = ctypes.CDLL(None, use_errno=True)


def call(syscall: int, *args: int) -> int:
    # The result, or the negative errno; arguments as wide as registers.
    result = int(libc.syscall(ctypes.c_long(syscall), *map(ctypes.c_long, args)))
    return -ctypes.get_errno() if result == -1 else result


def install(made: Filter) -> int:
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    program = SockFprog(len(made.program) // 8, made.program)
    return call(NUMBERS["seccomp"], SECCOMP_SET_MODE_FILTER, made.flags, ctypes.addressof(program))


def under(made: Filter, action: Callable[[], int]) -> tuple[int, int]:
    # What seccomp(2) gave, and then `action`, in a process of its own.
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            installed = install(made)
            os.write(writer, f"{installed} {action()}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with os.fdopen(reader) as answer:
        first, second = answer.read().split()
    return int(first), int(second)


def test_a_profile_of_real_size_is_taken_and_lets_a_process_work() -> None:
    installed, parent = under(compile_filter(profile()), lambda: call(NUMBERS["getppid"]))
    assert (installed, parent) == (0, os.getpid())


def test_a_call_without_rule_gets_eperm() -> None:
    assert under(compile_filter(profile()), lambda: call(NUMBERS["unshare"], 0)) == (0, -errno.EPERM)


def test_a_call_newer_than_the_profile_gets_enosys() -> None:
    # A number that the kernel has no call for would get ENOSYS with any filter: EPERM without the prefix shows it.
    as_eperm = profile(defaultErrnoRet=13)
    assert under(compile_filter(as_eperm), lambda: call(600)) == (0, -errno.EACCES)
    assert under(compile_filter(profile()), lambda: call(600)) == (0, -errno.ENOSYS)


def test_a_condition_decides_by_the_argument() -> None:
    filter_ = compile_filter(profile())
    assert under(filter_, lambda: call(NUMBERS["personality"], 0xFFFFFFFF))[1] >= 0
    assert under(filter_, lambda: call(NUMBERS["personality"], 0x0040000)) == (0, -errno.EPERM)


def test_an_errno_of_the_profile_arrives() -> None:
    denied = Syscall(names=("mkdirat",), action="SCMP_ACT_ERRNO", errno_ret=errno.ENXIO)
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", syscalls=(denied,)))
    assert under(made, lambda: call(NUMBERS["mkdirat"], -1, 0, 0)) == (0, -errno.ENXIO)


def test_a_64_bit_value_is_compared_whole() -> None:
    arg = SyscallArg(index=2, value=5 << 32, op="SCMP_CMP_EQ")
    denied = Syscall(names=("read",), action="SCMP_ACT_ERRNO", errno_ret=errno.ENXIO, args=(arg,))
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", syscalls=(denied,)))
    assert under(made, lambda: call(NUMBERS["read"], -1, 0, 5 << 32)) == (0, -errno.ENXIO)
    assert under(made, lambda: call(NUMBERS["read"], -1, 0, 6 << 32)) == (0, -errno.EBADF)


def test_every_flag_is_taken() -> None:
    flags = ("TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV")
    made = compile_filter(
        Seccomp(default_action="SCMP_ACT_ALLOW", flags=tuple(f"SECCOMP_FILTER_FLAG_{flag}" for flag in flags))
    )
    assert under(made, lambda: 0) == (0, 0)


def test_a_notifying_filter_gives_a_listener() -> None:
    notifying = Syscall(names=("mkdirat",), action="SCMP_ACT_NOTIFY")
    flags = ("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", flags=flags, syscalls=(notifying,)))
    assert under(made, lambda: 0)[0] > 2
