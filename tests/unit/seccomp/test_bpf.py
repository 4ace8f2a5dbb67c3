"""The assembler for classic BPF."""

from __future__ import annotations

import pytest
from support.bpf_machine import ALLOW, ERRNO, instructions, verdict

from firkin.runtime.seccomp.bpf import ARCH, NUMBER, assemble, jump, jump_equal, jump_not_less, load, return_


def test_instructions_are_struct_sock_filter() -> None:
    assert assemble([load(ARCH), return_(ALLOW)]) == bytes.fromhex("2000000004000000 06000000 0000ff7f")


def test_a_label_is_the_distance_behind_the_jump() -> None:
    program = assemble([jump_equal(7, "b", "a"), "a", return_(1), "b", return_(2)])
    assert instructions(program) == [(0x15, 1, 0, 7), (0x06, 0, 0, 1), (0x06, 0, 0, 2)]


def test_a_label_at_the_end_stands_for_what_follows() -> None:
    program = assemble([jump("end"), return_(1), "end"])
    assert instructions(program) == [(0x05, 0, 0, 1), (0x06, 0, 0, 1)]


def test_two_labels_may_name_one_place() -> None:
    assert instructions(assemble([jump("a"), "a", "b", return_(1)])) == [(0x05, 0, 0, 0), (0x06, 0, 0, 1)]


@pytest.mark.parametrize(("number", "expected"), [(4, ERRNO), (5, ALLOW), (6, ALLOW), (0xFFFFFFFF, ALLOW)])
def test_jump_not_less_compares_without_sign(number: int, expected: int) -> None:
    program = assemble([load(NUMBER), jump_not_less(5, "yes"), return_(ERRNO), "yes", return_(ALLOW)])
    assert verdict(program, number) == expected


def test_a_jump_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="backwards to start"):
        assemble(["start", load(NUMBER), jump("start")])


@pytest.mark.parametrize(("between", "fits"), [(255, True), (256, False)])
def test_a_conditional_jump_reaches_255_instructions(between: int, fits: bool) -> None:
    lines = [jump_equal(0, "end"), *[return_(0)] * between, "end"]
    if fits:
        assert instructions(assemble(lines))[0] == (0x15, 255, 0, 0)
    else:
        with pytest.raises(ValueError, match="over 256 instructions"):
            assemble(lines)


def test_an_unconditional_jump_reaches_any_distance() -> None:
    assert instructions(assemble([jump("end"), *[return_(0)] * 1000, "end"]))[0] == (0x05, 0, 0, 1000)
