"""Profiles become filters: what the filter answers, and what is refused."""

from __future__ import annotations

import pytest

from firkin.errors import ConfigError
from firkin.oci.runtime_spec import Seccomp, Syscall, SyscallArg
from firkin.runtime.seccomp import libseccomp
from firkin.runtime.seccomp.bpf import MAX_INSTRUCTIONS
from firkin.runtime.seccomp.compile import compile_filter
from tests.support.bpf_machine import (
    ALLOW,
    AUDIT_ARCH_AARCH64,
    AUDIT_ARCH_ARM,
    AUDIT_ARCH_I386,
    AUDIT_ARCH_X86_64,
    ERRNO,
    KILL_PROCESS,
    KILL_THREAD,
    LOG,
    NOTIFY,
    TRACE,
    TRAP,
    X32_BIT,
    is_always_allowed,
    steps,
    verdict,
)
from tests.support.seccomp_profile import NEW_NAMESPACES, profile

EPERM = ERRNO | 1
ENOSYS = ERRNO | 38
NATIVE = libseccomp.native_architecture()
MAX64 = (1 << 64) - 1


def number(name: str) -> int:
    found = libseccomp.syscall_number(NATIVE, name)
    assert found is not None
    return found


def allow_all_but(*syscalls: Syscall) -> bytes:
    return compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", syscalls=syscalls)).program


def answer(program: bytes, name: str, *args: int) -> int:
    return verdict(program, number(name), NATIVE, args)


def denied(name: str, *, errno_ret: int = 1, args: tuple[SyscallArg, ...] = ()) -> Syscall:
    return Syscall(names=(name,), action="SCMP_ACT_ERRNO", errno_ret=errno_ret, args=args)


def condition(op: str, value: int, value_two: int = 0, index: int = 0) -> SyscallArg:
    return SyscallArg(index=index, value=value, value_two=value_two, op=f"SCMP_CMP_{op}")


@pytest.mark.parametrize(
    ("action", "errno_ret", "expected"),
    [
        ("SCMP_ACT_KILL", None, KILL_THREAD),
        ("SCMP_ACT_KILL_THREAD", None, KILL_THREAD),
        ("SCMP_ACT_KILL_PROCESS", None, KILL_PROCESS),
        ("SCMP_ACT_TRAP", None, TRAP),
        ("SCMP_ACT_ERRNO", None, EPERM),
        ("SCMP_ACT_ERRNO", 0, ERRNO),
        ("SCMP_ACT_ERRNO", 4095, ERRNO | 4095),
        ("SCMP_ACT_TRACE", None, TRACE | 1),
        ("SCMP_ACT_TRACE", 0xFFFF, TRACE | 0xFFFF),
        ("SCMP_ACT_LOG", None, LOG),
        ("SCMP_ACT_NOTIFY", None, NOTIFY),
    ],
)
def test_an_action_is_what_the_filter_returns(action: str, errno_ret: int | None, expected: int) -> None:
    program = allow_all_but(Syscall(names=("read",), action=action, errno_ret=errno_ret))
    assert answer(program, "read") == expected
    assert answer(program, "write") == ALLOW


@pytest.mark.parametrize(
    ("action", "errno_ret", "expected"),
    [
        ("SCMP_ACT_KILL", None, KILL_THREAD),
        ("SCMP_ACT_KILL_PROCESS", None, KILL_PROCESS),
        ("SCMP_ACT_TRAP", None, TRAP),
        ("SCMP_ACT_ERRNO", None, EPERM),
        ("SCMP_ACT_ERRNO", 13, ERRNO | 13),
        ("SCMP_ACT_TRACE", None, TRACE | 1),
        ("SCMP_ACT_LOG", None, LOG),
    ],
)
def test_the_default_action_is_for_calls_without_rule(action: str, errno_ret: int | None, expected: int) -> None:
    allowed = Syscall(names=("read",), action="SCMP_ACT_ALLOW")
    seccomp = Seccomp(default_action=action, default_errno_ret=errno_ret, syscalls=(allowed,))
    program = compile_filter(seccomp).program
    assert answer(program, "read") == ALLOW
    assert answer(program, "mount") == expected


@pytest.mark.parametrize(
    ("op", "held", "not_held"),
    [
        ("NE", [0, 6, MAX64], [5]),
        ("LT", [0, 4], [5, 6, MAX64]),
        ("LE", [0, 5], [6, 1 << 32, MAX64]),
        ("EQ", [5], [0, 4, 5 | 1 << 32]),
        ("GE", [5, 6, 1 << 32, MAX64], [0, 4]),
        ("GT", [6, 1 << 63], [0, 5]),
    ],
)
def test_an_operator_compares_the_whole_argument(op: str, held: list[int], not_held: list[int]) -> None:
    program = allow_all_but(Syscall(names=("read",), action="SCMP_ACT_ERRNO", args=(condition(op, 5),)))
    assert [answer(program, "read", value) for value in held] == [EPERM] * len(held)
    assert [answer(program, "read", value) for value in not_held] == [ALLOW] * len(not_held)


def test_masked_eq_compares_the_bits_of_value_with_value_two() -> None:
    arg = condition("MASKED_EQ", 0xF0, 0x20, index=2)
    program = allow_all_but(Syscall(names=("read",), action="SCMP_ACT_ERRNO", args=(arg,)))
    assert [answer(program, "read", 0, 0, value) for value in (0x20, 0x2F, 1 << 40 | 0x20)] == [EPERM] * 3
    assert [answer(program, "read", 0, 0, value) for value in (0x30, 0, 0x120 ^ 0x20)] == [ALLOW] * 3


def test_a_value_may_need_all_64_bits() -> None:
    program = allow_all_but(Syscall(names=("read",), action="SCMP_ACT_ERRNO", args=(condition("EQ", MAX64),)))
    assert answer(program, "read", MAX64) == EPERM
    assert answer(program, "read", 0xFFFFFFFF) == ALLOW


def test_conditions_on_different_arguments_must_all_hold() -> None:
    args = (condition("EQ", 1, index=0), condition("EQ", 2, index=5))
    program = allow_all_but(Syscall(names=("read",), action="SCMP_ACT_ERRNO", args=args))
    assert answer(program, "read", 1, 0, 0, 0, 0, 2) == EPERM
    assert answer(program, "read", 1) == ALLOW
    assert answer(program, "read", 0, 0, 0, 0, 0, 2) == ALLOW


def test_conditions_that_share_an_argument_are_alternatives() -> None:
    args = (condition("EQ", 1), condition("EQ", 2), condition("EQ", 9, index=1))
    program = allow_all_but(Syscall(names=("read",), action="SCMP_ACT_ERRNO", args=args))
    assert [answer(program, "read", *values) for values in ((1,), (2,), (0, 9))] == [EPERM] * 3
    assert answer(program, "read", 3, 8) == ALLOW


def test_rules_for_one_call_add_up() -> None:
    syscalls = [denied("read", errno_ret=value, args=(condition("EQ", value),)) for value in (11, 22)]
    program = allow_all_but(*syscalls)
    assert [answer(program, "read", value) for value in (11, 22, 33)] == [ERRNO | 11, ERRNO | 22, ALLOW]


def test_of_rules_whose_conditions_hold_the_first_counts() -> None:
    first = denied("read", errno_ret=11, args=(condition("GE", 5),))
    second = denied("read", errno_ret=22, args=(condition("GE", 3),))
    program = allow_all_but(first, second)
    assert [answer(program, "read", value) for value in (2, 3, 5)] == [ALLOW, ERRNO | 22, ERRNO | 11]


@pytest.mark.parametrize("order", [1, -1])
def test_a_rule_without_condition_counts_before_those_with(order: int) -> None:
    rules = [denied("read", errno_ret=11, args=(condition("EQ", 1),)), denied("read", errno_ret=22)]
    program = allow_all_but(*rules[::order])
    assert [answer(program, "read", value) for value in (1, 2)] == [ERRNO | 22] * 2


def test_of_rules_without_condition_the_first_counts() -> None:
    assert answer(allow_all_but(denied("read", errno_ret=11), denied("read", errno_ret=22)), "read") == ERRNO | 11


def test_conditions_of_different_rules_do_not_disturb_each_other() -> None:
    # libseccomp 2.5.4 lets the second rule miss 1, and never ends with the third and fourth.
    rules = [
        denied("read", args=(condition("LT", 0, index=5),)),
        denied("read", args=(condition("LT", 1 << 32, index=5),)),
        denied("write", args=(condition("NE", MAX64, index=1), condition("NE", 0, index=2))),
        denied("write", args=(condition("NE", MAX64, index=2), condition("NE", 1, index=1))),
    ]
    program = allow_all_but(*rules)
    assert [answer(program, "read", 0, 0, 0, 0, 0, value) for value in (1, 1 << 32)] == [EPERM, ALLOW]
    assert [answer(program, "write", 0, *values) for values in ((MAX64, 0), (1, MAX64), (0, 1))] == [
        EPERM,
        EPERM,
        EPERM,
    ]
    assert answer(program, "write", 0, MAX64, MAX64) == ALLOW


def test_a_rule_with_the_default_action_changes_nothing() -> None:
    same = Syscall(names=("read",), action="SCMP_ACT_ALLOW")
    assert allow_all_but(same) == allow_all_but()


def test_a_rule_with_the_default_errno_but_another_number_counts() -> None:
    other = Syscall(names=("read",), action="SCMP_ACT_ERRNO", errno_ret=5)
    program = compile_filter(Seccomp(default_action="SCMP_ACT_ERRNO", syscalls=(other,))).program
    assert answer(program, "read") == ERRNO | 5


def test_an_unknown_call_is_left_out_with_a_warning() -> None:
    made = compile_filter(
        Seccomp(
            default_action="SCMP_ACT_ALLOW",
            syscalls=(Syscall(names=("read", "no_such\ud800call"), action="SCMP_ACT_ERRNO"),),
        )
    )
    version = libseccomp.library_version()
    assert made.warnings == (
        f"linux.seccomp.syscalls[0].names[1]: libseccomp {version} does not know 'no_such\\ud800call', left out",
    )
    assert answer(made.program, "read") == EPERM


def test_a_call_of_another_architecture_only_is_no_unknown_call() -> None:
    seccomp = Seccomp(
        default_action="SCMP_ACT_ALLOW",
        architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
        syscalls=(Syscall(names=("waitpid",), action="SCMP_ACT_ERRNO"),),
    )
    made = compile_filter(seccomp)
    assert made.warnings == ()
    assert verdict(made.program, 7, AUDIT_ARCH_I386) == EPERM
    assert verdict(made.program, 7, AUDIT_ARCH_X86_64) == ALLOW


def on_x86(*syscalls: Syscall, default: str = "SCMP_ACT_ALLOW") -> bytes:
    seccomp = Seccomp(default_action=default, architectures=("SCMP_ARCH_X86",), syscalls=syscalls)
    return compile_filter(seccomp).program


def test_a_socket_call_of_x86_has_its_number_and_its_place_in_socketcall() -> None:
    program = on_x86(denied("bind"))
    assert verdict(program, 361, AUDIT_ARCH_I386) == EPERM
    assert [verdict(program, 102, AUDIT_ARCH_I386, [part]) for part in (1, 2, 3)] == [ALLOW, EPERM, ALLOW]


def test_an_ipc_call_of_x86_is_found_whatever_version_is_asked_for() -> None:
    program = on_x86(denied("semget"))
    assert verdict(program, 393, AUDIT_ARCH_I386) == EPERM
    parts = (1, 2, 2 | 1 << 16, 3)
    assert [verdict(program, 117, AUDIT_ARCH_I386, [part]) for part in parts] == [ALLOW, EPERM, EPERM, ALLOW]


def test_a_socket_call_of_old_x86_is_in_socketcall_only() -> None:
    program = on_x86(denied("accept"))
    denied_numbers = [call for call in range(500) if verdict(program, call, AUDIT_ARCH_I386, [5]) == EPERM]
    assert denied_numbers == [102]


def test_a_rule_for_socketcall_itself_counts_before_those_for_its_parts() -> None:
    program = on_x86(denied("socket", errno_ret=11), denied("socketcall", errno_ret=22))
    assert [verdict(program, 102, AUDIT_ARCH_I386, [part]) for part in (1, 2)] == [ERRNO | 22] * 2


def test_in_socketcall_a_condition_that_can_not_be_seen_is_taken_to_be_the_worse() -> None:
    args = (condition("EQ", 40),)
    strict = on_x86(denied("socket", args=args))
    assert [verdict(strict, 359, AUDIT_ARCH_I386, [family]) for family in (2, 40)] == [ALLOW, EPERM]
    assert verdict(strict, 102, AUDIT_ARCH_I386, [1]) == EPERM
    lax = on_x86(Syscall(names=("socket",), action="SCMP_ACT_ALLOW", args=args), default="SCMP_ACT_ERRNO")
    assert [verdict(lax, 359, AUDIT_ARCH_I386, [family]) for family in (2, 40)] == [EPERM, ALLOW]
    assert verdict(lax, 102, AUDIT_ARCH_I386, [1]) == EPERM


@pytest.mark.parametrize(
    ("arch", "call", "expected"),
    [(AUDIT_ARCH_I386, 3, [EPERM, EPERM, ALLOW]), (AUDIT_ARCH_X86_64, 0, [EPERM, ALLOW, ALLOW])],
)
def test_where_registers_have_32_bits_only_those_are_compared(arch: int, call: int, expected: list[int]) -> None:
    seccomp = Seccomp(
        default_action="SCMP_ACT_ALLOW",
        architectures=("SCMP_ARCH_X86", "SCMP_ARCH_X86_64"),
        syscalls=(denied("read", args=(condition("EQ", MAX64 - 10),)),),
    )
    program = compile_filter(seccomp).program
    values = (MAX64 - 10, 0xFFFFFFFF - 10, 5)
    assert [verdict(program, call, arch, [value]) for value in values] == expected


def test_calls_of_x32_are_killed_unless_the_profile_names_x32() -> None:
    x86_64 = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", architectures=("SCMP_ARCH_X86_64",))).program
    calls = (0, X32_BIT - 1, X32_BIT, X32_BIT + 520, 0xFFFFFFFE, 0xFFFFFFFF)
    assert [verdict(x86_64, call, AUDIT_ARCH_X86_64) for call in calls] == [
        ALLOW,
        ALLOW,
        KILL_THREAD,
        KILL_THREAD,
        KILL_THREAD,
        ALLOW,
    ]
    x32 = compile_filter(
        Seccomp(default_action="SCMP_ACT_ALLOW", architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X32"))
    ).program
    assert [verdict(x32, call, AUDIT_ARCH_X86_64) for call in calls] == [ALLOW] * 6


def test_the_native_architecture_is_always_in() -> None:
    others = [name for name in ("X86", "ARM", "RISCV64") if libseccomp.architecture_token(name.lower()) != NATIVE]
    seccomp = Seccomp(
        default_action="SCMP_ACT_ALLOW",
        architectures=tuple(f"SCMP_ARCH_{name}" for name in others),
        syscalls=(Syscall(names=("read",), action="SCMP_ACT_ERRNO"),),
    )
    assert answer(compile_filter(seccomp).program, "read") == EPERM


def test_an_architecture_that_is_not_in_the_profile_is_killed() -> None:
    assert verdict(allow_all_but(), 63, 0xC00000F3) == KILL_THREAD


def test_an_architecture_of_the_other_byte_order_is_left_out_with_a_warning() -> None:
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", architectures=("SCMP_ARCH_S390X",)))
    assert made.warnings == (
        "linux.seccomp.architectures[0]: SCMP_ARCH_S390X can not be filtered on this machine, left out",
    )


def test_without_flags_speculation_is_left_alone() -> None:
    assert compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW")).flags == 4


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), 0),
        (("SECCOMP_FILTER_FLAG_TSYNC",), 1),
        (("SECCOMP_FILTER_FLAG_LOG",), 2),
        (("SECCOMP_FILTER_FLAG_SPEC_ALLOW",), 4),
        (("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"), 6),
        # The kernel refuses it where nothing notifies.
        (("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",), 0),
    ],
)
def test_flags_are_those_of_the_system_call(flags: tuple[str, ...], expected: int) -> None:
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", flags=flags))
    assert (made.flags, made.notify) == (expected, False)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), 8),
        (("SECCOMP_FILTER_FLAG_TSYNC",), 1 | 8 | 16),
        (("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",), 8 | 32),
    ],
)
def test_a_notifying_filter_asks_for_its_listener(flags: tuple[str, ...], expected: int) -> None:
    notifying = Syscall(names=("mkdir",), action="SCMP_ACT_NOTIFY")
    made = compile_filter(Seccomp(default_action="SCMP_ACT_ALLOW", flags=flags, syscalls=(notifying,)))
    assert (made.flags, made.notify) == (expected, True)


@pytest.mark.parametrize("errno_ret", [None, 1])
def test_calls_newer_than_the_profile_do_not_exist(errno_ret: int | None) -> None:
    program = compile_filter(profile(defaultErrnoRet=errno_ret)).program
    for arch in (AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_AARCH64):
        assert verdict(program, 600, arch) == ENOSYS
    assert verdict(program, X32_BIT + 600, AUDIT_ARCH_X86_64) == ENOSYS


@pytest.mark.parametrize(
    ("action", "errno_ret", "expected"),
    [
        ("SCMP_ACT_ERRNO", 13, ERRNO | 13),
        ("SCMP_ACT_ERRNO", 38, ENOSYS),
        ("SCMP_ACT_KILL_PROCESS", None, KILL_PROCESS),
        ("SCMP_ACT_TRAP", None, TRAP),
        ("SCMP_ACT_LOG", None, LOG),
    ],
)
def test_only_a_default_of_eperm_is_changed_for_newer_calls(action: str, errno_ret: int | None, expected: int) -> None:
    program = compile_filter(profile(defaultAction=action, defaultErrnoRet=errno_ret)).program
    assert verdict(program, 600, AUDIT_ARCH_X86_64) == expected


def test_a_short_list_of_old_calls_does_not_make_other_old_calls_vanish() -> None:
    allowed = Syscall(names=("read",), action="SCMP_ACT_ALLOW")
    program = compile_filter(Seccomp(default_action="SCMP_ACT_ERRNO", syscalls=(allowed,))).program
    assert answer(program, "mount") == EPERM
    assert answer(program, "statx") == EPERM
    assert verdict(program, number("statx") + 300, NATIVE) == ENOSYS


@pytest.mark.parametrize(
    ("arch", "call", "args", "expected"),
    [
        (AUDIT_ARCH_X86_64, 0, (), ALLOW),  # read
        (AUDIT_ARCH_X86_64, 59, (), ALLOW),  # execve
        (AUDIT_ARCH_X86_64, 165, (), EPERM),  # mount
        (AUDIT_ARCH_X86_64, 321, (), EPERM),  # bpf
        (AUDIT_ARCH_X86_64, 435, (), ENOSYS),  # clone3
        (AUDIT_ARCH_X86_64, 449, (), ALLOW),  # futex_waitv
        (AUDIT_ARCH_X86_64, 41, (2,), ALLOW),  # socket, AF_INET
        (AUDIT_ARCH_X86_64, 41, (40,), EPERM),  # AF_VSOCK
        (AUDIT_ARCH_X86_64, 56, (0x11,), ALLOW),  # clone
        (AUDIT_ARCH_X86_64, 56, (0x10000000,), EPERM),  # CLONE_NEWUSER
        (AUDIT_ARCH_X86_64, 56, (NEW_NAMESPACES,), EPERM),
        (AUDIT_ARCH_X86_64, 135, (8,), ALLOW),  # personality
        (AUDIT_ARCH_X86_64, 135, (0xFFFFFFFF,), ALLOW),
        (AUDIT_ARCH_X86_64, 135, (0x0040000,), EPERM),  # ADDR_NO_RANDOMIZE
        (AUDIT_ARCH_X86_64, -1, (), EPERM),
        (AUDIT_ARCH_X86_64, X32_BIT, (), ALLOW),
        (AUDIT_ARCH_X86_64, X32_BIT + 520, (), ALLOW),  # execve
        (AUDIT_ARCH_X86_64, X32_BIT + 528, (), EPERM),  # kexec_load
        (AUDIT_ARCH_X86_64, X32_BIT + 165, (), EPERM),
        (AUDIT_ARCH_I386, 3, (), ALLOW),
        (AUDIT_ARCH_I386, 21, (), EPERM),
        (AUDIT_ARCH_I386, 403, (), ALLOW),  # clock_gettime64
        (AUDIT_ARCH_I386, 359, (40,), EPERM),
        (AUDIT_ARCH_ARM, 21, (), EPERM),
        (AUDIT_ARCH_ARM, 0x0F0005, (), ALLOW),  # set_tls
        (AUDIT_ARCH_ARM, 0x0F0003, (), EPERM),  # usr26
        (AUDIT_ARCH_AARCH64, 63, (), ALLOW),
        (AUDIT_ARCH_AARCH64, 40, (), EPERM),
        (AUDIT_ARCH_AARCH64, 220, (0x10000000,), EPERM),
        (0xC00000F3, 63, (), KILL_THREAD),
    ],
)
def test_a_profile_of_real_size(arch: int, call: int, args: tuple[int, ...], expected: int) -> None:
    assert verdict(compile_filter(profile()).program, call, arch, args) == expected


def test_a_call_is_decided_in_few_instructions() -> None:
    program = compile_filter(profile(architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])).program
    assert max(steps(program, call) for call in range(600) if call not in (41, 56, 135)) <= 14


def test_the_kernel_sees_ahead_which_calls_are_always_allowed() -> None:
    program = compile_filter(profile(architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])).program
    assert all(is_always_allowed(program, call) for call in (0, 1, 59, 202, 449))
    assert not any(is_always_allowed(program, call) for call in (41, 56, 135, 165, 435, 600))


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"defaultAction": "ALLOW"}, "defaultAction", "unknown action 'ALLOW'"),
        ({"defaultAction": "SCMP_ACT_NOTIFY", "defaultErrnoRet": None}, "defaultAction", "can not be the default"),
        ({"defaultAction": "SCMP_ACT_KILL"}, "defaultErrnoRet", "SCMP_ACT_KILL takes no errno"),
        ({"defaultErrnoRet": 4096}, "defaultErrnoRet", "4096 is more than 4095"),
        ({"architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_Z80"]}, "architectures[1]", "unknown architecture"),
        ({"architectures": ["x86_64"]}, "architectures[0]", "unknown architecture 'x86_64'"),
        ({"flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}, "flags[0]", "unknown flag"),
    ],
)
def test_a_wrong_profile_is_refused_by_its_path(changes: dict[str, object], path: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        compile_filter(profile(**changes))
    assert caught.value.path == f"linux.seccomp.{path}"


@pytest.mark.parametrize(
    ("syscall", "path", "reason"),
    [
        (Syscall(names=("read",), action="SCMP_ACT_NONE"), "action", "unknown action"),
        (Syscall(names=("read",), action="SCMP_ACT_ALLOW", errno_ret=1), "errnoRet", "takes no errno"),
        (Syscall(names=("read",), action="SCMP_ACT_TRACE", errno_ret=0x10000), "errnoRet", "more than 65535"),
        (Syscall(names=(), action="SCMP_ACT_TRAP"), "names", "at least one"),
        (
            Syscall(names=("read",), action="SCMP_ACT_TRAP", args=(condition("EQ", 0, index=6),)),
            "args[0].index",
            "0 to 5",
        ),
        (
            Syscall(names=("read",), action="SCMP_ACT_TRAP", args=(condition("IS", 0),)),
            "args[0].op",
            "unknown operator",
        ),
    ],
)
def test_a_wrong_rule_is_refused_by_its_path(syscall: Syscall, path: str, reason: str) -> None:
    good = Syscall(names=("write",), action="SCMP_ACT_TRAP")
    with pytest.raises(ConfigError, match=reason) as caught:
        allow_all_but(good, syscall)
    assert caught.value.path == f"linux.seccomp.syscalls[1].{path}"


def test_a_wrong_rule_is_refused_even_if_it_asks_for_the_default_action() -> None:
    wrong = Syscall(names=("read",), action="SCMP_ACT_ALLOW", args=(condition("IS", 0),))
    with pytest.raises(ConfigError, match="unknown operator"):
        allow_all_but(wrong)


def test_a_filter_that_the_kernel_can_not_take_is_refused() -> None:
    args = tuple(condition("EQ", value << 32 | value) for value in range(1, MAX_INSTRUCTIONS // 4))
    with pytest.raises(ConfigError, match="of the 4096 that the kernel takes") as caught:
        allow_all_but(denied("read", args=args))
    assert caught.value.path == "linux.seccomp"


def test_a_filter_may_be_as_long_as_the_kernel_takes() -> None:
    args = tuple(condition("EQ", value << 32 | value) for value in range(1, MAX_INSTRUCTIONS // 5 - 4))
    program = allow_all_but(denied("read", args=args))
    assert MAX_INSTRUCTIONS - 32 < len(program) // 8 <= MAX_INSTRUCTIONS
    assert answer(program, "read", args[-1].value) == EPERM
    assert answer(program, "read", args[-1].value + 1) == ALLOW
    assert answer(program, "write", args[-1].value) == ALLOW
