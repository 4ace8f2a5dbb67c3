"""The manual page."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.help import commands, label
from firkin.runtime.cli.manpage import manpage

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Interpreter


def test_the_page_formats_without_warnings(tmp_path_factory: pytest.TempPathFactory) -> None:
    man = shutil.which("man")
    if man is None or shutil.which("groff") is None:
        pytest.skip("man or groff is not installed")
    page = tmp_path_factory.mktemp("man") / "firkin.8"
    page.write_text(manpage())
    done = subprocess.run(
        [man, "-l", "--warnings=all", "-E", "UTF-8", "-Tutf8", page],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"FIRKIN(8)" in done.stdout


def test_the_page_names_every_command_option_and_example() -> None:
    plain = manpage().replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\(ti", "~").replace(r"\&", "")
    for command in commands():
        assert f".SS {command.usage}\n" in plain
        assert all(f"\n{line}\n" in plain for line, _ in command.examples)
        assert all(f".TP\n\\fB{label(option)}\\fR\n" in plain for option in command.options)
    assert all(f".TP\n\\fB{label(option)}\\fR\n" in plain for option in GLOBAL_OPTIONS)


def test_the_page_is_the_same_each_time() -> None:
    assert manpage() == manpage()


def test_the_build_can_print_the_page(interpreter: Interpreter) -> None:
    done = interpreter(code="import runpy; runpy.run_module('firkin.runtime.cli.manpage', run_name='__main__')")
    assert (done.stdout, done.stderr) == (manpage(), "")
