"""Any profile: the filter answers what the profile says, read word by word."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from firkin.oci.runtime_spec import Seccomp, Syscall, SyscallArg
from firkin.runtime.seccomp import libseccomp
from firkin.runtime.seccomp.compile import compile_filter
from tests.support.bpf_machine import ALLOW, ERRNO, verdict

NATIVE = libseccomp.native_architecture()
NAMES = ["read", "write", "close", "mount", "ptrace", "prctl", "fchmodat", "statx"]
ERRNOS = {name: 20 + index for index, name in enumerate(NAMES)}
# Around what a comparison by 32-bit halves can get wrong.
EDGES = [0, 1, 5, 6, 0xFFFFFFFF, 1 << 32, (1 << 32) + 5, (1 << 32) + 6, 1 << 63, (1 << 64) - 1]

values = st.sampled_from(EDGES)
conditions = st.builds(
    SyscallArg,
    index=st.integers(0, 5),
    value=values,
    value_two=values,
    op=st.sampled_from([f"SCMP_CMP_{op}" for op in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")]),
)


def rule(names: list[str], args: list[SyscallArg]) -> list[Syscall]:
    # One action for each call: which of two actions counts where both hold is for the author of a profile to avoid.
    return [Syscall(names=(name,), action="SCMP_ACT_ERRNO", errno_ret=ERRNOS[name], args=tuple(args)) for name in names]


rules = st.lists(
    st.builds(rule, st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.lists(conditions, max_size=3)),
    max_size=5,
)


def holds(arg: SyscallArg, args: list[int]) -> bool:
    actual = args[arg.index]
    return {
        "SCMP_CMP_NE": actual != arg.value,
        "SCMP_CMP_LT": actual < arg.value,
        "SCMP_CMP_LE": actual <= arg.value,
        "SCMP_CMP_EQ": actual == arg.value,
        "SCMP_CMP_GE": actual >= arg.value,
        "SCMP_CMP_GT": actual > arg.value,
        "SCMP_CMP_MASKED_EQ": actual & arg.value == arg.value_two & arg.value,
    }[arg.op]


def matches(syscall: Syscall, args: list[int]) -> bool:
    found = [holds(arg, args) for arg in syscall.args]
    shared = len({arg.index for arg in syscall.args}) < len(syscall.args)
    return any(found) if shared else all(found)


def expected(syscalls: list[Syscall], name: str, args: list[int], default: int) -> int:
    hit = any(name in syscall.names and matches(syscall, args) for syscall in syscalls)
    return ERRNO | ERRNOS[name] if hit else default


@settings(max_examples=200)
@given(
    st.sampled_from([("SCMP_ACT_ALLOW", ALLOW), ("SCMP_ACT_ERRNO", ERRNO | 1)]),
    rules,
    st.lists(st.lists(values, min_size=6, max_size=6), min_size=1, max_size=6),
)
def test_the_filter_is_the_profile(
    default: tuple[str, int], groups: list[list[Syscall]], calls: list[list[int]]
) -> None:
    syscalls = [syscall for group in groups for syscall in group]
    made = compile_filter(Seccomp(default_action=default[0], syscalls=tuple(syscalls)))
    for name in NAMES:
        number = libseccomp.syscall_number(NATIVE, name)
        assert number is not None
        for args in calls:
            assert verdict(made.program, number, NATIVE, args) == expected(syscalls, name, args, default[1])
