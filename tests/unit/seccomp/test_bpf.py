"""The assembler for classic BPF."""

from __future__ import annotations

import pytest

from firkin.runtime.seccomp.bpf import (
    ARCH,
    ARGUMENTS,
    NUMBER,
    and_,
    assemble,
    jump_equal,
    jump_more,
    jump_not_less,
    load,
    return_,
    when,
)
from tests.support.bpf_machine import ALLOW, ERRNO, instructions, verdict

ALLOWED = assemble([return_(ALLOW)])
DENIED = assemble([return_(ERRNO)])


def test_instructions_are_struct_sock_filter() -> None:
    assert assemble([load(ARCH), return_(ALLOW)]) == bytes.fromhex("2000000004000000 06000000 0000ff7f")


def test_a_label_is_the_distance_behind_the_jump() -> None:
    program = assemble([jump_equal(7, "b", "a"), "a", return_(1), "b", return_(2)])
    assert instructions(program) == [(0x15, 1, 0, 7), (0x06, 0, 0, 1), (0x06, 0, 0, 2)]


def test_a_label_at_the_end_stands_for_what_follows() -> None:
    program = assemble([jump_more(3, "end"), return_(1), "end"])
    assert instructions(program) == [(0x25, 1, 0, 3), (0x06, 0, 0, 1)]


def test_two_labels_may_name_one_place() -> None:
    program = assemble([jump_equal(0, "a", "b"), return_(0), "a", "b", return_(1)])
    assert instructions(program)[0] == (0x15, 1, 1, 0)


@pytest.mark.parametrize(
    ("jump", "taken"),
    [
        (jump_equal(5, "yes"), {5}),
        (jump_more(5, "yes"), {6, 0x80000000, 0xFFFFFFFF}),
        (jump_not_less(5, "yes"), {5, 6, 0x80000000, 0xFFFFFFFF}),
    ],
)
def test_jumps_compare_without_sign(jump: tuple[int, int, str, str], taken: set[int]) -> None:
    program = assemble([load(NUMBER), jump, return_(ERRNO), "yes", return_(ALLOW)])
    numbers = {0, 4, 5, 6, 0x80000000, 0xFFFFFFFF}
    assert {number for number in numbers if verdict(program, number) == ALLOW} == taken


def test_and_keeps_the_bits_of_the_mask() -> None:
    program = assemble([load(ARGUMENTS), and_(0xF0), jump_equal(0x20, "yes"), return_(ERRNO), "yes", return_(ALLOW)])
    assert [verdict(program, 0, args=[value]) for value in (0x20, 0x2F, 0x30)] == [ALLOW, ALLOW, ERRNO]


def test_a_jump_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="a jump of -2 instructions to start"):
        assemble(["start", load(NUMBER), jump_equal(0, "start")])


def test_a_jump_reaches_255_instructions() -> None:
    assert instructions(assemble([jump_equal(0, "end"), *[return_(0)] * 255, "end"]))[0] == (0x15, 255, 0, 0)
    with pytest.raises(ValueError, match="a jump of 256 instructions to end"):
        assemble([jump_equal(0, "end"), *[return_(0)] * 256, "end"])


@pytest.mark.parametrize("length", [1, 255, 256, 2000])
def test_a_piece_of_any_length_runs_only_when_its_condition_holds(length: int) -> None:
    piece = assemble([load(NUMBER)]) * (length - 1) + ALLOWED
    program = assemble([load(NUMBER)]) + when(jump_not_less(5), piece) + DENIED
    assert [verdict(program, number) for number in (4, 5, 6)] == [ERRNO, ALLOW, ALLOW]
