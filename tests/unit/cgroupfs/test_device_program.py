"""Device rules become programs: what they allow, and what is refused."""

from __future__ import annotations

import struct
import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firkin.cgroupfs.device_program import assemble
from firkin.errors import ConfigError
from firkin.oci.runtime_spec import DeviceRule
from tests.support.ebpf_machine import BLOCK, CHAR, MKNOD, READ, WRITE, is_allowed

DENY_ALL = DeviceRule(allow=False, access="rwm")
ALLOW_ALL = DeviceRule(allow=True, type="a", access="rwm")
STANDARD = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, 0), (136, 7)]


def allow(type_: str, major: int | None, minor: int | None, access: str) -> DeviceRule:
    return DeviceRule(allow=True, type=type_, major=major, minor=minor, access=access)


def deny(type_: str, major: int | None, minor: int | None, access: str) -> DeviceRule:
    return DeviceRule(allow=False, type=type_, major=major, minor=minor, access=access)


def accesses(rules: list[DeviceRule], type_: int, major: int, minor: int) -> set[int]:
    # All combinations of access that the rules allow.
    program = assemble(rules)
    return {access for access in range(1, 8) if is_allowed(program, type_, access, major, minor)}


ALL = set(range(1, 8))
ONLY_MKNOD = {MKNOD}


@pytest.mark.parametrize(
    "rules", [[], [DENY_ALL], [DENY_ALL, DENY_ALL], [deny("c", 1, 3, "rwm")], [deny("c", None, None, "m")]]
)
def test_the_standard_devices_are_always_there(rules: list[DeviceRule]) -> None:
    assert [accesses(rules, CHAR, *device) for device in STANDARD] == [ALL] * len(STANDARD)


@pytest.mark.parametrize(
    ("type_", "major", "minor"),
    [(CHAR, 1, 1), (CHAR, 1, 11), (CHAR, 10, 229), (CHAR, 5, 3), (BLOCK, 1, 3), (BLOCK, 8, 0)],
)
def test_of_other_devices_only_nodes_can_be_made(type_: int, major: int, minor: int) -> None:
    assert accesses([], type_, major, minor) == ONLY_MKNOD


def test_a_rule_allows_what_it_names() -> None:
    rules = [DENY_ALL, allow("c", 10, 229, "rw")]
    assert accesses(rules, CHAR, 10, 229) == ALL
    assert accesses(rules, CHAR, 10, 228) == accesses(rules, BLOCK, 10, 229) == ONLY_MKNOD


def test_a_rule_for_reading_does_not_allow_writing() -> None:
    assert accesses([allow("b", 8, 0, "r")], BLOCK, 8, 0) == {MKNOD, READ, MKNOD | READ}


def test_rules_for_reading_and_writing_combine() -> None:
    assert accesses([allow("b", 8, 0, "r"), allow("b", 8, 0, "w")], BLOCK, 8, 0) == ALL


def test_rules_of_different_width_combine() -> None:
    assert accesses([allow("b", None, None, "r"), allow("b", 8, 0, "w")], BLOCK, 8, 0) == ALL


def test_a_denied_access_refuses_an_attempt_that_asks_for_more() -> None:
    rules = [allow("b", 8, 0, "rwm"), deny("b", 8, 0, "w")]
    assert accesses(rules, BLOCK, 8, 0) == {MKNOD, READ, MKNOD | READ}


def test_the_last_rule_counts() -> None:
    rules = [allow("b", 8, 0, "r"), deny("b", 8, 0, "r"), allow("b", 8, 0, "r")]
    assert READ in accesses(rules, BLOCK, 8, 0)
    assert READ not in accesses(rules[:2], BLOCK, 8, 0)


def test_a_hole_can_be_made_in_a_range_and_filled_again() -> None:
    rules = [allow("c", None, None, "rwm"), deny("c", 10, None, "rw"), allow("c", 10, 200, "r")]
    assert accesses(rules, CHAR, 11, 0) == ALL
    assert accesses(rules, CHAR, 10, 1) == ONLY_MKNOD
    assert accesses(rules, CHAR, 10, 200) == {MKNOD, READ, MKNOD | READ}


def test_a_rule_for_all_devices_takes_back_all_before_it() -> None:
    rules = [allow("c", 10, 229, "rwm"), DENY_ALL]
    assert accesses(rules, CHAR, 10, 229) == ONLY_MKNOD
    assert accesses([*rules, ALLOW_ALL], BLOCK, 8, 0) == ALL


def test_numbers_count_for_the_type_all_too() -> None:
    rules = [allow("a", 7, None, "rw")]
    assert accesses(rules, CHAR, 7, 1) == accesses(rules, BLOCK, 7, 1) == ALL
    assert accesses(rules, BLOCK, 8, 1) == ONLY_MKNOD


@pytest.mark.parametrize("wildcard", [None, -1])
def test_a_number_left_out_or_minus_one_is_every_number(wildcard: int | None) -> None:
    rules = [allow("b", 8, wildcard, "r"), allow("c", wildcard, 4, "r")]
    assert READ in accesses(rules, BLOCK, 8, 99)
    assert READ in accesses(rules, CHAR, 99, 4)
    assert READ not in accesses(rules, BLOCK, 9, 99)


@pytest.mark.parametrize("number", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_number_may_have_32_bits(number: int) -> None:
    rules = [allow("b", number, number, "r")]
    assert READ in accesses(rules, BLOCK, number, number)
    assert READ not in accesses(rules, BLOCK, number, number ^ 0x80000000)
    assert READ not in accesses(rules, BLOCK, number ^ 0x80000000, number)


def test_repeated_rules_cost_nothing() -> None:
    engine = [DENY_ALL, allow("c", None, None, "m"), allow("b", None, None, "m")]
    engine += [allow("c", major, minor, "rwm") for major, minor in STANDARD[:8]]
    assert assemble(engine) == assemble([DENY_ALL]) == assemble([])


def test_nothing_stands_behind_a_rule_for_everything() -> None:
    assert assemble([allow("c", 10, 229, "rwm"), DENY_ALL]) == assemble([DENY_ALL])
    assert assemble([allow("c", 10, 229, "rwm"), ALLOW_ALL]) == assemble([ALLOW_ALL])


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (DeviceRule(allow=True, type="u", access="r"), "type"),
        (DeviceRule(allow=True, type="c"), "access"),
        (DeviceRule(allow=False, access=""), "access"),
        (DeviceRule(allow=True, access="rx"), "access"),
        (DeviceRule(allow=True, access="r", major=-2), "major"),
        (DeviceRule(allow=True, access="r", major=1 << 32), "major"),
        (DeviceRule(allow=True, access="r", minor=1 << 32), "minor"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_path(rule: DeviceRule, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([DENY_ALL, rule])
    assert caught.value.path == f"linux.resources.devices[1].{path}"


numbers = st.sampled_from([None, -1, 0, 1, 3, 5, 136])
rules = st.lists(
    st.builds(
        DeviceRule,
        allow=st.booleans(),
        type=st.sampled_from(["", "a", "b", "c"]),
        major=numbers,
        minor=numbers,
        access=st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm", "mwr"]),
    ),
    max_size=12,
)
# Read from its end to its beginning by `expected`, as the engines' default list stands behind all rules.
ALWAYS = [allow("a", None, None, "m"), allow("c", 136, None, "rwm")]
ALWAYS += [allow("c", major, minor, "rwm") for major, minor in STANDARD[:8]]


def names(rule: DeviceRule, type_: int, major: int, minor: int) -> bool:
    return (
        rule.type in ("", "a", {BLOCK: "b", CHAR: "c"}[type_])
        and rule.major in (None, -1, major)
        and rule.minor in (None, -1, minor)
    )


def expected(given_rules: list[DeviceRule], type_: int, access: int, major: int, minor: int) -> bool:
    allowed = dict.fromkeys("mrw", False)
    for rule in [*given_rules, *ALWAYS]:
        if names(rule, type_, major, minor):
            allowed.update(dict.fromkeys(rule.access, rule.allow))
    return all(allowed[letter] for letter, bit in (("m", MKNOD), ("r", READ), ("w", WRITE)) if access & bit)


attempts = st.tuples(
    st.sampled_from([BLOCK, CHAR]),
    st.integers(1, 7),
    st.sampled_from([0, 1, 5, 136, 200]),
    st.sampled_from([0, 1, 3, 200]),
)


@settings(max_examples=200)
@given(rules, st.lists(attempts, min_size=1, max_size=20))
def test_a_program_allows_what_its_rules_say_read_one_by_one(
    given_rules: list[DeviceRule], tried: list[tuple[int, int, int, int]]
) -> None:
    program = assemble(given_rules)
    for attempt in tried:
        assert is_allowed(program, *attempt) == expected(given_rules, *attempt)


@settings(max_examples=100)
@given(rules)
def test_every_instruction_can_be_reached(given_rules: list[DeviceRule]) -> None:
    # What the verifier demands.
    code = list(struct.iter_unpack("=BBhi", assemble(given_rules)))
    reached, todo = set(), [0]
    while todo:
        at = todo.pop()
        if at in reached:
            continue
        reached.add(at)
        operation, _, offset, _ = code[at]
        if operation in (0x05, 0x16, 0x46, 0x56):
            todo.append(at + 1 + offset)
        if operation not in (0x05, 0x95):
            todo.append(at + 1)
    assert reached == set(range(len(code)))


def test_the_default_list_is_assembled_in_well_under_a_millisecond() -> None:
    engine = [DENY_ALL, *[allow("c", major, minor, "rwm") for major, minor in STANDARD]]
    assert min(timeit.repeat(lambda: assemble(engine), number=20, repeat=20)) / 20 < 500e-6
