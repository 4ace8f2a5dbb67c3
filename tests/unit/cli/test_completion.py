"""Completion scripts: valid in their shells, and completing what they should."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from firkin.errors import UsageError
from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.completion import SHELLS, script
from firkin.runtime.cli.help import commands
from firkin.runtime.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

NO_RUN = {"bash": "-n", "zsh": "-n", "fish": "--no-execute"}


def shell(name: str) -> str:
    """The path of the shell; skips the test if there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a script for each shell, and a firkin on PATH that lists containers by their root."""
    for name in SHELLS:
        (tmp_path / name).write_text(script(name))
    program = tmp_path / "firkin"
    program.write_text('#!/bin/sh\ncase "$*" in *--root*/x*list*) echo other ;; *list*) echo web; echo db ;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "bundles").mkdir()
    (tmp_path / "config.json").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_is_valid_in_its_shell(name: str, scripts: Path) -> None:
    done = subprocess.run(
        [shell(name), NO_RUN[name], scripts / name], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_knows_every_command_and_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", name]) == 0
    text = capsys.readouterr().out
    assert text == script(name)
    dashes = "-l " if name == "fish" else "--"
    for command in commands():
        assert command.name in text
        assert all(f"{dashes}{option.long}" in text for option in command.options)
    assert all(f"{dashes}{option.long}" in text for option in GLOBAL_OPTIONS)
    assert "@" not in text.replace("$@", "").replace("[@]", "")


def test_another_shell_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"^completion: 'tcsh' is not .* \(one of bash, zsh, fish\)$"):
        script("tcsh")


CASES: list[tuple[list[str], set[str]]] = [
    (["r"], {"run", "restore", "resume", "rmi", "rollout"}),
    (["--log"], {"--log", "--log-format", "--log-level"}),
    (["--log-format", ""], {"text", "json"}),
    (["run", "--pid"], {"--pid-file", "--pidfd-socket", "--pids-limit"}),
    (["kill", ""], {"web", "db"}),
    (["kill", "--all", "w"], {"web"}),
    (["kill", "web", "K"], {"KILL"}),
    (["--root", "/x", "state", ""], {"other"}),
    (["delete", "-f", ""], {"web", "db"}),
    (["list", "-f", ""], {"table", "json"}),
    (["list", "--format", "json", "--q"], {"--quiet"}),
    (["exec", "--no"], {"--no-new-privs"}),
    (["exec", "-e", "A=1", "--ig"], {"--ignore-paused"}),
    (["exec", "web", "--no"], set()),
    (["state", "web", ""], set()),
    (["completion", ""], {"bash", "zsh", "fish"}),
    (["help", "sp"], {"spec"}),
    (["import", "conf"], {"config.json"}),
]


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_bash_completes(words: list[str], expected: set[str], scripts: Path) -> None:
    assert bash(["firkin", *words]) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--log-format", "=", "j"], {"json"}),
        (["--log-format", "="], {"text", "json"}),
        (["--root", "=", "/x", "kill", ""], {"other"}),
        (["run", "--bundle", "b"], {"bundles"}),
        (["run", "--bundle", "=", "b"], {"bundles"}),
        (["run", "--config", "con"], {"config.json"}),
        (["explain", "bu"], {"bundles"}),
        (["import", "con"], {"config.json"}),
        (["export", "debian", "bu"], {"bundles"}),
    ],
)
def test_bash_completes_values_and_paths(words: list[str], expected: set[str], scripts: Path) -> None:
    assert expected <= bash(["firkin", *words])


def test_bash_never_runs_the_name_of_a_container(scripts: Path) -> None:
    (scripts / "firkin").write_text("#!/bin/sh\necho '$(touch${IFS}ran)'\n")
    assert bash(["firkin", "kill", ""]) == {"$(touch${IFS}ran)"}
    assert not (scripts / "ran").exists()


def bash(words: list[str]) -> set[str]:
    """What the script offers in place of the last word."""
    code = 'source bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _firkin; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", code, "test", *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_fish_completes(words: list[str], expected: set[str], scripts: Path) -> None:
    code = f"source fish; complete -C '{' '.join(['firkin', *words])}'"
    done = subprocess.run([shell("fish"), "-N", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == expected
