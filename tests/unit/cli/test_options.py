"""The parser: what it accepts, what it refuses, and what it says then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option, check_arguments, find, parse

if TYPE_CHECKING:
    from firkin.runtime.cli.options import Value

OPTIONS = (
    Option("bundle", "b", "DIR"),
    Option("detach", "d"),
    Option("tty", "t"),
    Option("env", "e", "NAME=VALUE", repeat=True),
    Option("preserve-fds", "", "N", kind="number"),
    Option("format", "f", "FORMAT", default="table", choices=("table", "json")),
)


def read(*argv: str, interspersed: bool = True) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    return values, parse(list(argv), OPTIONS, values, command="run", interspersed=interspersed)


@pytest.mark.parametrize(
    "argv",
    [
        ("--bundle", "/b"),
        ("--bundle=/b",),
        ("-bundle", "/b"),
        ("-bundle=/b",),
        ("-b", "/b"),
        ("-b=/b",),
        ("-b/b",),
        ("--b", "/b"),
        ("--bundle", "/a", "--bundle", "/b"),
    ],
)
def test_a_value_may_be_given_in_every_form_of_go_and_getopt(argv: tuple[str, ...]) -> None:
    assert read(*argv) == ({"bundle": "/b"}, [])


@pytest.mark.parametrize("value", ["", "-d", "--", "--detach", "-", "a=b", "x y"])
def test_whatever_follows_an_option_is_its_value(value: str) -> None:
    assert read("--bundle", value, "id") == ({"bundle": value}, ["id"])


@pytest.mark.parametrize("value", ["", "-d", "a=b", "="])
def test_whatever_follows_the_equals_sign_is_the_value(value: str) -> None:
    assert read(f"--bundle={value}") == ({"bundle": value}, [])


@pytest.mark.parametrize("value", ["true", "1", "t", "T", "TRUE", "True"])
def test_a_flag_can_be_switched_on_by_value(value: str) -> None:
    assert read(f"--detach={value}") == ({"detach": True}, [])


@pytest.mark.parametrize("value", ["false", "0", "f", "F", "FALSE", "False"])
def test_a_flag_can_be_switched_off_by_value(value: str) -> None:
    assert read("-d", f"-d={value}") == ({"detach": False}, [])


def test_a_flag_takes_no_value_from_the_next_word() -> None:
    assert read("--detach", "false") == ({"detach": True}, ["false"])


def test_short_flags_may_be_joined_with_a_value_at_the_end() -> None:
    assert read("-td") == ({"tty": True, "detach": True}, [])
    assert read("-tdb/b") == ({"tty": True, "detach": True, "bundle": "/b"}, [])
    assert read("-tdb", "/b") == ({"tty": True, "detach": True, "bundle": "/b"}, [])
    assert read("-tb=/b") == ({"tty": True, "bundle": "/b"}, [])
    assert read("-tb=", "id") == ({"tty": True, "bundle": ""}, ["id"])


def test_a_repeated_option_collects_all_values_in_order() -> None:
    assert read("-e", "A=1", "--env=B=2", "-eC") == ({"env": ["A=1", "B=2", "C"]}, [])


def test_the_defaults_of_repeated_options_are_not_shared_with_values() -> None:
    read("-e", "A=1")
    option = find(OPTIONS, "env")
    assert option is not None
    assert option.default == []


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("3", 3), ("007", 7), ("999999999999999999", 10**18 - 1)])
def test_a_number_is_decimal(text: str, number: int) -> None:
    assert read("--preserve-fds", text) == ({"preserve-fds": number}, [])


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 1", "0x10", "1.5", "abc", "٣", "9" * 5000])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^run: option --preserve-fds: '.*' is not a decimal number$"):
        read("--preserve-fds", text)


def test_options_may_follow_arguments() -> None:
    assert read("id", "--detach", "KILL", "-b", "/b") == ({"detach": True, "bundle": "/b"}, ["id", "KILL"])


def test_options_do_not_follow_arguments_where_these_belong_to_another_program() -> None:
    assert read("-t", "id", "ls", "-d", "--", "--no-such", interspersed=False) == (
        {"tty": True},
        ["id", "ls", "-d", "--", "--no-such"],
    )


def test_two_dashes_end_the_options() -> None:
    assert read("-d", "--", "-b", "--", "x") == ({"detach": True}, ["-b", "--", "x"])


def test_one_dash_is_an_argument() -> None:
    assert read("-", "-d") == ({"detach": True}, ["-"])


def test_nothing_is_read_from_nothing() -> None:
    assert read() == ({}, [])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--bundle"], "run: option --bundle: needs a value (DIR)"),
        (["-b"], "run: option --bundle: needs a value (DIR)"),
        (["-tdb"], "run: option --bundle: needs a value (DIR)"),
        (["--detach=maybe"], "run: option --detach: 'maybe' is not true or false"),
        (["-d="], "run: option --detach: '' is not true or false"),
        (["--format", "yaml"], "run: option --format: 'yaml' is not one of table, json"),
        (["--detatch"], "run: unknown option '--detatch' (did you mean --detach?)"),
        (["--bund=/b"], "run: unknown option '--bund' (did you mean --bundle?)"),
        (["--zzz"], "run: unknown option '--zzz' (see firkin run --help)"),
        (["-z"], "run: unknown option '-z' (see firkin run --help)"),
        (["-tz"], "run: unknown option '-tz' (see firkin run --help)"),
        (["--=x"], "run: unknown option '--' (see firkin run --help)"),
        (["-=x"], "run: unknown option '-' (see firkin run --help)"),
        (["--debug"], "run: unknown option '--debug' (--debug is a global option: it goes before the command)"),
    ],
)
def test_an_error_names_command_option_and_reason(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*argv)
    assert str(caught.value) == message
    assert caught.value.exit_code == 1


def test_an_error_of_the_global_options_names_no_command() -> None:
    with pytest.raises(UsageError, match=r"^unknown option '--bundel' \(did you mean --bundle\?\)$"):
        parse(["--bundel"], OPTIONS, {})


def test_what_came_before_an_error_is_kept() -> None:
    values: dict[str, Value] = {}
    with pytest.raises(UsageError):
        parse(["-b", "/b", "--zzz", "-d"], OPTIONS, values)
    assert values == {"bundle": "/b"}


@pytest.mark.parametrize(
    ("declared", "given"),
    [("", 0), ("A", 1), ("A [B]", 1), ("A [B]", 2), ("A [B...]", 1), ("A [B...]", 9), ("[A]", 0), ("A...", 3)],
)
def test_as_many_arguments_as_declared_are_accepted(declared: str, given: int) -> None:
    check_arguments(Command("kill", "", declared, group=""), ["x"] * given)


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        ("", ["x"], "kill: unexpected argument 'x' (usage: firkin kill [OPTIONS])"),
        ("A B", ["x"], "kill: argument B is missing (usage: firkin kill [OPTIONS] A B)"),
        ("A [B]", [], "kill: argument A is missing (usage: firkin kill [OPTIONS] A [B])"),
        ("A [B]", ["x", "y", "z"], "kill: unexpected argument 'z' (usage: firkin kill [OPTIONS] A [B])"),
        ("A...", [], "kill: argument A... is missing (usage: firkin kill [OPTIONS] A...)"),
    ],
)
def test_too_few_or_too_many_arguments_are_named(declared: str, given: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_arguments(Command("kill", "", declared, group=""), given)
    assert str(caught.value) == message
