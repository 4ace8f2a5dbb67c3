"""The entry: dispatch, exit codes, and errors that become one line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import firkin
from firkin.errors import ExecutableError, FirkinError, KernelError, NotFoundError
from firkin.runtime.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from firkin.runtime.cli.commands import Invocation
    from tests.unit.cli.conftest import Interpreter

    Probe = Callable[[Callable[[Invocation], int]], None]


def failing(error: BaseException) -> Callable[[Invocation], int]:
    """A body that raises `error`."""

    def body(invocation: Invocation) -> int:
        raise error

    return body


def test_the_exit_code_of_a_command_is_returned(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(lambda invocation: len(invocation.arguments))
    assert main(["probe", "a", "b", "c"]) == 3
    assert capsys.readouterr() == ("", "")


def test_an_error_is_one_line(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(failing(NotFoundError("container web does not exist", hint="firkin list shows those that do")))
    assert main(["probe"]) == 1
    line = "firkin: error: container web does not exist (firkin list shows those that do)\n"
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FirkinError("x"), 1),
        (KernelError("mount proc", errno.EPERM), 1),
        (ExecutableError("x", found=False), 127),
        (ExecutableError("x", found=True), 126),
        (ValueError("x"), 1),
        (OSError(errno.EIO, "x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_error_decides_the_exit_code(probe: Probe, error: BaseException, code: int) -> None:
    probe(failing(error))
    assert main(["probe"]) == code


def test_an_interrupt_says_nothing(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(failing(KeyboardInterrupt()))
    main(["probe"])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (OSError(errno.EIO, "Input/output error", "/f"), "OSError: [Errno 5] Input/output error: '/f'"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "BrokenPipeError: [Errno 32] Broken pipe"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_a_fault_of_firkin_is_one_line_too(
    probe: Probe, capsys: pytest.CaptureFixture[str], error: Exception, text: str
) -> None:
    probe(failing(error))
    assert main(["probe"]) == 1
    assert capsys.readouterr() == ("", f"firkin: internal error: {text}; run with --debug for the traceback\n")


def test_debug_shows_the_traceback(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(failing(KeyError("x")))
    assert main(["--debug", "probe"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last):\n")
    assert "in body" in shown
    assert shown.endswith("\nfirkin: internal error: KeyError: 'x'\n")


def test_debug_shows_the_traceback_of_an_expected_error(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(failing(FirkinError("no")))
    assert main(["--debug", "probe"]) == 1
    shown = capsys.readouterr().err
    assert "in body" in shown
    assert shown.endswith("\nfirkin: error: no\n")


def test_an_error_goes_to_the_log_and_to_standard_error(
    probe: Probe, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    probe(failing(FirkinError('no "x"')))
    log = tmp_path / "log.json"
    assert main(["--log", str(log), "--log-format", "json", "probe"]) == 1
    assert capsys.readouterr() == ("", 'firkin: error: no "x"\n')
    entry = json.loads(log.read_text())
    assert (entry["level"], entry["msg"]) == ("error", 'no "x"')


def test_an_internal_error_goes_to_the_log_too(probe: Probe, tmp_path: Path) -> None:
    probe(failing(KeyError("x")))
    log = tmp_path / "log.json"
    assert main([f"--log={log}", "--log-format=json", "probe"]) == 1
    assert json.loads(log.read_text())["msg"].startswith("internal error: KeyError: 'x'; run with --debug")


@pytest.mark.parametrize(
    "argv",
    [
        ["--bogus"],
        ["bogus"],
        ["state"],
        ["state", "--bogus"],
        ["--systemd-cgroup", "--cgroup-manager=disabled", "list"],
    ],
)
def test_a_wrong_command_line_reaches_the_log(argv: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    assert main(["--log", str(log), "--log-format", "json", *argv]) == 1
    assert json.loads(log.read_text())["level"] == "error"


def test_the_log_exists_before_the_command_runs(probe: Probe, tmp_path: Path) -> None:
    log = tmp_path / "log"
    probe(lambda invocation: 0 if log.read_text() == "" else 1)
    assert main(["--log", str(log), "probe"]) == 0


def test_the_log_is_not_open_while_the_command_runs(probe: Probe, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def body(invocation: Invocation) -> int:
        invocation.log.info("here")
        links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        return sum(os.path.lexists(link) and os.readlink(link) == str(log) for link in links)

    probe(body)
    assert main(["--log", str(log), "probe"]) == 0
    assert "here" in log.read_text()


def test_a_relative_log_stays_where_it_was_when_the_command_goes_elsewhere(
    probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def body(invocation: Invocation) -> int:
        os.chdir("/")
        raise FirkinError("no")

    probe(body)
    assert main(["--log", "file:log", "probe"]) == 1
    assert 'msg="no"' in (tmp_path / "log").read_text()


def test_a_log_that_can_not_be_opened_is_an_error(
    probe: Probe, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    probe(lambda invocation: 0)
    assert main(["--log", f"{tmp_path}/no/log", "probe"]) == 1
    line = f"firkin: error: open log {tmp_path}/no/log: No such file or directory [ENOENT]\n"
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("kind", ["journald", "syslog"])
def test_a_log_of_another_kind_is_an_error(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log", f"{kind}:firkin", "list"]) == 1
    assert capsys.readouterr().err == f"firkin: error: option --log: {kind} is not supported (name a file)\n"


def test_standard_error_is_a_possible_log(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe(failing(FirkinError("no")))
    assert main(["--log", "/dev/stderr", "probe"]) == 1
    assert capsys.readouterr().err == "firkin: error: no\n"


def test_contradicting_cgroup_managers_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--systemd-cgroup", "--cgroup-manager", "disabled", "list"]) == 1
    line = "firkin: error: option --systemd-cgroup contradicts --cgroup-manager disabled\n"
    assert capsys.readouterr().err == line


def test_a_hostile_name_can_not_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["state", "a", "\x1b[2Jb\nfirkin: error: forged\udc80"]) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert r"'\x1b[2Jb\nfirkin: error: forged\udc80'" in shown


@pytest.mark.parametrize("option", ["--version", "-v", "-version"])
def test_the_version_has_the_lines_that_engines_parse(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"firkin version {firkin.__version__}", "spec: 1.3.0"]
    assert all(line.startswith("libseccomp: ") for line in lines[2:])


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["help"]) == 0
    assert capsys.readouterr().out == shown


def test_a_reader_that_leaves_is_no_error(interpreter: Interpreter) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = interpreter("help", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_can_not_be_written_is_an_error(interpreter: Interpreter) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = interpreter("help", stdout=full)
    os.close(full)
    message = "firkin: error: write standard output: No space left on device [ENOSPC]\n"
    assert (done.returncode, done.stderr) == (1, message)


def test_closed_standard_streams_change_no_exit_code(interpreter: Interpreter) -> None:
    code = (
        "import os; os.close(1); os.close(2); sys.stdout = sys.stderr = None; "
        "from firkin.runtime.cli.main import main; os._exit(10 + main(['state']) + main(['help']))"
    )
    assert interpreter(code=code).returncode == 11


def test_a_signal_from_the_keyboard_ends_with_130(interpreter: Interpreter) -> None:
    code = (
        "import os, types; from firkin.runtime.cli import commands, options, main\n"
        "probe = types.ModuleType('probe'); probe.COMMAND = options.Command('probe', '', group='')\n"
        "probe.run = lambda invocation: os.kill(os.getpid(), 2) or 0\n"
        "sys.modules['probe'] = probe; commands.MODULES['probe'] = 'probe'; sys.exit(main.main(['probe']))"
    )
    done: subprocess.CompletedProcess[str] = interpreter(code=code)
    assert (done.returncode, done.stderr) == (130, "")
