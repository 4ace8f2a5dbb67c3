"""Which calls are newer than a profile."""

from __future__ import annotations

from firkin.runtime.seccomp.newer import newer_numbers

X32_BIT = 0x40000000


def test_numbers_above_all_named_ones_are_newer() -> None:
    assert newer_numbers("aarch64", [63, 449, 435], statx=291) == ((450, 1 << 31),)


def test_nothing_up_to_statx_is_newer_than_a_profile() -> None:
    assert newer_numbers("x86", [3, 4], statx=383) == ((384, 1 << 31),)


def test_a_profile_without_names_is_as_old_as_statx() -> None:
    assert newer_numbers("x86_64", [], statx=332) == ((333, X32_BIT),)


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
