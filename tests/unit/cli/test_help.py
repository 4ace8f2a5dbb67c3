"""The texts of `--help`."""

from __future__ import annotations

import pytest

from firkin.runtime.cli.commands import GLOBAL_OPTIONS, MODULES, load
from firkin.runtime.cli.help import command_help, global_help, label, meaning
from firkin.runtime.cli.main import main
from firkin.runtime.cli.options import Option


@pytest.mark.parametrize("name", MODULES)
def test_the_help_of_a_command_is_complete(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    command, _ = load(name)
    assert shown.startswith(f"Usage: firkin {name} ")
    for option in command.options:
        assert f" {label(option)}" in shown
    for line, purpose in command.examples:
        assert f"\n  {line}\n      {purpose}\n" in shown
    for code in ("0", "1", *(code for code, _ in command.exit_codes)):
        assert f"\n  {code} " in shown


@pytest.mark.parametrize("name", MODULES)
def test_all_ways_to_ask_show_the_same(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    texts = set()
    for argv in ([name, "--help"], [name, "-h"], [name, "-help"], ["help", name]):
        assert main(argv) == 0
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1


def test_the_global_help_names_every_command_and_option() -> None:
    shown = global_help()
    for name in MODULES:
        assert f"\n  {name} " in shown
        assert load(name)[0].summary.split()[0] in shown
    for option in GLOBAL_OPTIONS:
        assert f" {label(option)}" in shown


@pytest.mark.parametrize(
    ("choices", "text"), [(("a",), "how: a"), (("a", "b"), "how: a or b"), (("a", "b", "c"), "how: a, b or c")]
)
def test_choices_are_named(choices: tuple[str, ...], text: str) -> None:
    assert meaning(Option("how", "", "HOW", "how", choices=choices)) == text


def test_every_heading_stands_once() -> None:
    headings = [line for line in global_help().splitlines() if line.endswith(":")]
    assert len(headings) == len(set(headings))


def test_help_for_an_unknown_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "rnu"]) == 1
    assert capsys.readouterr() == ("", "firkin: error: unknown command 'rnu' (did you mean run?)\n")


@pytest.mark.parametrize(("columns", "widest"), [("70", 70), ("1", 60), ("1000", 110), ("0", 80), ("wide", 80)])
def test_lines_fit_the_terminal(columns: str, widest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", _no_terminal)
    texts = [global_help(), *(command_help(load(name)[0]) for name in MODULES)]
    lines = [line for text in texts for line in text.splitlines()]
    unbroken = ("Usage:", *(f"  {line}" for name in MODULES for line, _ in load(name)[0].examples))
    longest = max(len(line) for line in lines if not line.startswith(unbroken))
    assert widest - 10 < longest <= widest


def _no_terminal(fd: int) -> None:
    raise OSError(25, "Inappropriate ioctl for device")
