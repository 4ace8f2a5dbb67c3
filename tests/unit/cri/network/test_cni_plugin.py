"""Plug-ins as programs: whatever one does, there is one line that says it, and nothing of it goes on."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest

from firkin.cri.network.cni.plugin import Call, PluginError, find_plugin, run_plugin
from tests.support.cni_plugins import write_program


def run(path: Path, script: str, *, data: bytes = b"{}", timeout: float = 60) -> bytes:
    program = write_program(path / "plugin", f"#!/bin/sh\n{script}\n")
    return run_plugin(
        Call(str(program), "CNI plug-in x, ADD of sandbox box", {"PATH": os.environ["PATH"]}, data, timeout)
    )


def complaint(path: Path, script: str, *, timeout: float = 60) -> PluginError:
    with pytest.raises(PluginError) as caught:
        run(path, script, timeout=timeout)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("CNI plug-in x, ADD of sandbox box: ")
    caught.value.args = (text.removeprefix("CNI plug-in x, ADD of sandbox box: "),)
    return caught.value


def has_ended(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # A descriptor of a process is readable once it has ended, whether or not somebody has asked for its status.
        return bool(select.select([process], [], [], 30)[0])
    finally:
        os.close(process)


def test_it_is_given_its_input_and_environment_and_nothing_else(tmp_path: Path) -> None:
    data = b'{"large":"' + b"x" * (1 << 20) + b'"}'
    assert (
        run(tmp_path, "cat | tail -c 5; env | grep -c ^PATH=; ls /proc/self/fd | wc -l; pwd", data=data)
        == b'xxx"}1\n4\n/\n'
    )


def test_it_need_not_read_its_input(tmp_path: Path) -> None:
    assert run(tmp_path, "echo done", data=b"x" * (1 << 20)) == b"done\n"


def test_its_own_words_are_told(tmp_path: Path) -> None:
    error = complaint(
        tmp_path, """printf %s '{"code": 7, "msg": "bad subnet", "details": "10.0.0.0/31\\n is small"}'; exit 1"""
    )
    assert str(error.args[0]) == "bad subnet: 10.0.0.0/31 is small (code 7)"
    assert (error.code, error.transient) == (7, False)
    assert complaint(tmp_path, """echo '{"code": 11, "msg": "wait"}'; exit 1""").transient


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("echo oh no >&2; exit 3", "ends with status 3: oh no"),
        ("echo garbage; exit 1", "ends with status 1: garbage"),
        ("echo '{}'; echo why >&2; exit 1", "ends with status 1: why"),
        ("echo '[1]'; exit 1", "ends with status 1: [1]"),
        ("exit 1", "ends with status 1"),
        ("kill -9 $$", "is killed by SIGKILL"),
        ("printf 'a\\033[31mb\\377' >&2; exit 1", "ends with status 1: a?[31mb\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_failure_is_told_in_one_line(tmp_path: Path, script: str, text: str) -> None:
    assert complaint(tmp_path, script).args[0] == text


def test_of_much_on_stderr_the_end_is_told(tmp_path: Path) -> None:
    error = complaint(tmp_path, "yes blah | head -c 3000000 >&2; echo the reason >&2; exit 1")
    assert str(error.args[0]).endswith("blah blah the reason")
    assert len(str(error.args[0])) < 600


def test_one_that_prints_too_much_is_killed_with_its_children(tmp_path: Path) -> None:
    error = complaint(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/pid; yes")
    assert error.args[0] == "prints more than 1048576 bytes"
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; echo still at it >&2; wait"
    error = complaint(tmp_path, script, timeout=2)
    assert error.args[0] == "does not end within 2 s: still at it"
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_daemon_that_keeps_its_output_is_not_waited_for(tmp_path: Path) -> None:
    script = f"setsid sleep 1000 & echo $! > {tmp_path}/pid; echo result"
    try:
        assert run(tmp_path, script) == b"result\n"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_one_that_can_not_be_executed_is_told(tmp_path: Path) -> None:
    program = write_program(tmp_path / "plugin", "#!/nowhere/interpreter\n")
    with pytest.raises(PluginError, match=f"execute {program}: No such file or directory"):
        run_plugin(Call(str(program), "x", {}, b"", 60))
    garbage = write_program(tmp_path / "plugin", "\x7fELF")
    with pytest.raises(PluginError, match="Exec format error"):
        run_plugin(Call(str(garbage), "x", {}, b"", 60))


def test_a_program_is_looked_for_in_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    directories = (f"{tmp_path}/none", f"{tmp_path}/a", f"{tmp_path}/b")
    (tmp_path / "a" / "bridge").write_text("not executable")
    (tmp_path / "a" / "portmap").mkdir()
    write_program(tmp_path / "b" / "bridge", "")
    assert find_plugin("bridge", directories) == f"{tmp_path}/b/bridge"
    with pytest.raises(PluginError, match=r"CNI plug-in portmap: is not in .*/b"):
        find_plugin("portmap", directories)
