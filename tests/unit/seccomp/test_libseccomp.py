"""Names and numbers come from libseccomp, and where it makes filters without fault, ours say the same."""

from __future__ import annotations

import os

import pytest

from firkin.runtime.seccomp import libseccomp
from firkin.runtime.seccomp.compile import compile_filter
from tests.support.bpf_machine import X32_BIT, verdict
from tests.support.libseccomp_filter import filter_of
from tests.support.seccomp_profile import profile

# AUDIT_ARCH_*, and where the numbers of that architecture begin.
ARCHITECTURES = {
    "X86_64": (0xC000003E, 0),
    "X32": (0xC000003E, X32_BIT),
    "X86": (0x40000003, 0),
    "ARM": (0x40000028, 0),
    "AARCH64": (0xC00000B7, 0),
    "MIPSEL": (0x40000008, 4000),
    "MIPSEL64": (0xC0000008, 5000),
    "MIPSEL64N32": (0xE0000008, 6000),
    "PPC64LE": (0xC0000015, 0),
    "RISCV64": (0xC00000F3, 0),
}
ODD_NUMBERS = [*range(0x0F0000, 0x0F0008), X32_BIT - 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
ARGUMENTS = [[1], [40], [0x10000000], [0xFFFFFFFF]]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(
    "changes",
    [
        {"defaultErrnoRet": 13},
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "defaultErrnoRet": None,
            "syscalls": [{"names": ["mount", "mmap", "bind", "accept", "semget"], "action": "SCMP_ACT_TRAP"}],
        },
    ],
    ids=["allow-list", "deny-list"],
)
def test_a_filter_of_ours_answers_as_one_of_libseccomp(name: str, changes: dict[str, object]) -> None:
    seccomp = profile(architectures=[f"SCMP_ARCH_{name}"], **changes)
    ours, theirs = compile_filter(seccomp).program, filter_of(seccomp)
    audit, first = ARCHITECTURES[name]
    different = [
        (call, args)
        for call in [*range(first, first + 560), *ODD_NUMBERS]
        for args in ARGUMENTS
        if verdict(ours, call, audit, args) != verdict(theirs, call, audit, args)
    ]
    assert different == []


def test_the_library_is_a_file() -> None:
    assert os.path.isfile(libseccomp.library_path())


def test_an_unknown_call_has_no_number() -> None:
    assert libseccomp.syscall_number(libseccomp.native_architecture(), "no_such_call") is None


def test_an_unknown_number_has_no_name() -> None:
    assert libseccomp.syscall_name(libseccomp.architecture_token("x86_64"), 100000) is None


def test_a_call_has_its_number_on_each_architecture() -> None:
    numbers = {name: libseccomp.syscall_number(libseccomp.architecture_token(name), "read") for name in ("x86", "arm")}
    assert numbers == {"x86": 3, "arm": 3}


def test_an_unknown_architecture_has_no_token() -> None:
    assert libseccomp.architecture_token("z80") == 0
