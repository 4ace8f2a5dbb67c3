"""ENOSYS for calls that are newer than the profile."""

from __future__ import annotations

import pytest
from support.bpf_machine import (
    ALLOW,
    AUDIT_ARCH_AARCH64,
    AUDIT_ARCH_ARM,
    AUDIT_ARCH_I386,
    AUDIT_ARCH_X86_64,
    ERRNO,
    X32_BIT,
    instructions,
    verdict,
)

from firkin.runtime.seccomp.bpf import assemble, return_
from firkin.runtime.seccomp.newer import newer_numbers, prefix

ENOSYS = ERRNO | 38
# What the kernel's look-ahead understands: ld [number or arch], ja, jeq, jge, jgt, jset, and, ret.
UNDERSTOOD = {0x20, 0x05, 0x15, 0x25, 0x35, 0x45, 0x54, 0x06}


def test_numbers_above_all_named_ones_are_newer() -> None:
    assert newer_numbers("aarch64", [63, 449, 435], statx=291) == ((450, 1 << 31),)


def test_nothing_up_to_statx_is_newer_than_a_profile() -> None:
    assert newer_numbers("x86", [3, 4], statx=383) == ((384, 1 << 31),)


def test_a_profile_without_names_is_as_old_as_statx() -> None:
    assert newer_numbers("x86_64", [], statx=332) == ((333, X32_BIT),)


def test_negative_numbers_tell_nothing() -> None:
    assert newer_numbers("x86", [-101, 435], statx=383) == ((436, 1 << 31),)


def test_private_calls_of_arm_tell_nothing_about_age() -> None:
    assert newer_numbers("arm", [0x0F0005, 0x0F0002, 449], statx=397) == ((450, 0x0F0000),)


def test_calls_that_x32_has_for_itself_tell_nothing_about_age() -> None:
    named = [X32_BIT + 520, X32_BIT + 547, X32_BIT + 449]
    assert newer_numbers("x32", named, statx=X32_BIT + 332) == (
        (X32_BIT + 450, X32_BIT + 512),
        (X32_BIT + 548, 1 << 31),
    )


def test_x32_has_one_range_once_common_numbers_have_passed_its_own() -> None:
    assert newer_numbers("x32", [X32_BIT + 600], statx=X32_BIT + 332) == ((X32_BIT + 601, 1 << 31),)


def program() -> bytes:
    newer = {
        AUDIT_ARCH_X86_64: (
            *newer_numbers("x86_64", [449], 332),
            *newer_numbers("x32", [X32_BIT + 449, X32_BIT + 547], X32_BIT + 332),
        ),
        AUDIT_ARCH_I386: newer_numbers("x86", [440], 383),
        AUDIT_ARCH_ARM: newer_numbers("arm", [441, 0x0F0005], 397),
        AUDIT_ARCH_AARCH64: newer_numbers("aarch64", [442], 291),
    }
    return prefix(newer) + assemble([return_(ALLOW)])


@pytest.mark.parametrize(
    ("arch", "number", "expected"),
    [
        (AUDIT_ARCH_X86_64, 0, ALLOW),
        (AUDIT_ARCH_X86_64, 449, ALLOW),
        (AUDIT_ARCH_X86_64, 450, ENOSYS),
        (AUDIT_ARCH_X86_64, X32_BIT - 1, ENOSYS),
        (AUDIT_ARCH_X86_64, X32_BIT, ALLOW),
        (AUDIT_ARCH_X86_64, X32_BIT + 449, ALLOW),
        (AUDIT_ARCH_X86_64, X32_BIT + 450, ENOSYS),
        (AUDIT_ARCH_X86_64, X32_BIT + 511, ENOSYS),
        (AUDIT_ARCH_X86_64, X32_BIT + 512, ALLOW),
        (AUDIT_ARCH_X86_64, X32_BIT + 547, ALLOW),
        (AUDIT_ARCH_X86_64, X32_BIT + 548, ENOSYS),
        (AUDIT_ARCH_X86_64, 0x7FFFFFFF, ENOSYS),
        (AUDIT_ARCH_X86_64, -1, ALLOW),
        (AUDIT_ARCH_I386, 440, ALLOW),
        (AUDIT_ARCH_I386, 441, ENOSYS),
        (AUDIT_ARCH_I386, X32_BIT, ENOSYS),
        (AUDIT_ARCH_I386, -1, ALLOW),
        (AUDIT_ARCH_ARM, 441, ALLOW),
        (AUDIT_ARCH_ARM, 442, ENOSYS),
        (AUDIT_ARCH_ARM, 0x0EFFFF, ENOSYS),
        (AUDIT_ARCH_ARM, 0x0F0000, ALLOW),
        (AUDIT_ARCH_ARM, 0x0F0005, ALLOW),
        (AUDIT_ARCH_AARCH64, 442, ALLOW),
        (AUDIT_ARCH_AARCH64, 443, ENOSYS),
        (0xC00000F3, 5000, ALLOW),
    ],
)
def test_the_prefix_answers_newer_numbers_and_passes_all_others_on(arch: int, number: int, expected: int) -> None:
    assert verdict(program(), number, arch) == expected


def test_the_prefix_leaves_the_kernel_its_look_ahead() -> None:
    assert {code for code, *_ in instructions(program())} <= UNDERSTOOD


def test_a_call_of_the_first_architecture_passes_in_five_instructions() -> None:
    code = instructions(program())
    first = next(place for place, line in enumerate(code) if line[0] == 0x15)
    assert first == 1
    target = first + 1 + code[first][1]
    assert [code[target][0], code[target + 1][0]] == [0x20, 0x35]
    assert target + 2 + code[target + 1][2] == len(code) - 1
