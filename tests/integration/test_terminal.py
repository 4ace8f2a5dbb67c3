"""Terminals: handed over through a console socket, or held by a command in the foreground."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.terminal import Terminal
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A console socket named `console`."""
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "console"))
        opened.listen()
        opened.settimeout(SECONDS)
        yield opened


@pytest.fixture
def interactive(bundle: Bundle) -> Bundle:
    """A bundle whose process has a terminal."""
    bundle.process["terminal"] = True
    return bundle


def _receive(listener: socket.socket) -> tuple[bytes, list[int]]:
    connection, _ = listener.accept()
    with connection:
        data, fds, _, _ = socket.recv_fds(connection, 4096, 10)
        assert connection.recv(1) == b"", "there is one message"
    return data, fds


def _read_all(master: int) -> bytes:
    # Until the last process has closed its end (EIO).
    output = b""
    while True:
        try:
            output += os.read(master, 65536)
        except OSError:
            os.close(master)
            return output


def _run(firkin: Firkin, bundle: Bundle, *words: str, rows: int = 30, columns: int = 90) -> Terminal:
    argv = firkin.command("run", *words, "-b", bundle.save(), firkin.new_id())
    return Terminal(argv, rows=rows, columns=columns)


def test_console_socket_gets_the_master(
    firkin: Firkin, interactive: Bundle, listener: socket.socket, tmp_path: Path
) -> None:
    interactive.process["consoleSize"] = {"height": 44, "width": 133}
    interactive.shell("stty size; read line; echo got $line; tty")
    id = firkin.create(interactive, "--console-socket", tmp_path / "console")
    data, (master,) = _receive(listener)
    assert data == b"/dev/ptmx"
    firkin("start", id)
    os.write(master, b"words\n")
    shown = _read_all(master).replace(b"words\r\n", b"", 1)
    assert shown == b"44 133\r\ngot words\r\n/dev/pts/0\r\n"


def test_exec_sends_its_own_terminal(firkin: Firkin, bundle: Bundle, listener: socket.socket, tmp_path: Path) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    firkin(
        "exec",
        "--tty",
        "--detach",
        "--console-socket",
        tmp_path / "console",
        id,
        "sh",
        "-c",
        "tty; readlink /proc/self/fd/0",
    )
    _, (master,) = _receive(listener)
    assert _read_all(master) == b"/dev/pts/0\r\n/dev/pts/0\r\n"


def test_terminal_is_the_console_and_the_controlling_terminal(firkin: Firkin, interactive: Bundle) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo three; echo console > /dev/console; echo tty > /dev/tty; "
    script += "stat -c %t:%T /dev/console /dev/pts/0"
    with _run(firkin, interactive.shell(script)) as terminal:
        assert terminal.wait() == 0
    three, console, tty, first, second = terminal.seen.split()
    assert (three, console, tty) == (b"three", b"console", b"tty")
    assert first == second == b"88:0"


def test_terminal_belongs_to_the_user(firkin: Firkin, interactive: Bundle) -> None:
    interactive.process["user"] = {"uid": 1000, "gid": 1000}
    with _run(firkin, interactive.shell("stat -c %u /dev/pts/0; echo x > /dev/pts/0")) as terminal:
        assert terminal.wait() == 0
    assert terminal.seen == b"1000\r\nx\r\n"


@pytest.mark.requires("userns")
def test_terminal_in_a_user_namespace(firkin: Firkin, interactive: Bundle) -> None:
    interactive.user_namespace()
    with _run(
        firkin, interactive.shell("tty; stat -c %u /dev/pts/0; test -c /dev/console && echo console")
    ) as terminal:
        assert terminal.wait() == 0
    assert terminal.seen == b"/dev/pts/0\r\n0\r\nconsole\r\n"


def test_keys_reach_the_program_and_its_echo_comes_back(firkin: Firkin, interactive: Bundle) -> None:
    with _run(firkin, interactive.shell("echo ready; read line; echo got $line; exit 7")) as terminal:
        terminal.expect(b"ready")
        terminal.type(b"words\r")
        assert terminal.wait() == 7
    assert terminal.seen == b"ready\r\nwords\r\ngot words\r\n"


def test_keys_pressed_before_the_program_runs_are_not_lost(firkin: Firkin, interactive: Bundle) -> None:
    with _run(firkin, interactive.shell("read line; echo got $line; exit 7")) as terminal:
        terminal.type(b"words\r")
        assert terminal.wait() == 7
    assert terminal.seen.endswith(b"got words\r\n")


def test_interrupt_key_is_the_programs(firkin: Firkin, interactive: Bundle) -> None:
    script = "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 1000 & wait; done"
    with _run(firkin, interactive.shell(script)) as terminal:
        terminal.expect(b"ready")
        terminal.type(b"\x03")
        assert terminal.wait() == 5
    assert b"interrupted" in terminal.seen


def test_end_of_file_key(firkin: Firkin, interactive: Bundle) -> None:
    with _run(firkin, interactive.shell("echo ready; exec cat")) as terminal:
        terminal.expect(b"ready")
        terminal.type(b"line\r\x04")
        assert terminal.wait() == 0
    assert terminal.seen == b"ready\r\nline\r\nline\r\n"


def test_size_follows_that_of_the_callers_terminal(firkin: Firkin, interactive: Bundle) -> None:
    script = "stty size; trap 'stty size; exit 6' WINCH; echo ready; while :; do sleep 1000 & wait; done"
    with _run(firkin, interactive.shell(script), rows=21, columns=77) as terminal:
        terminal.expect(b"ready\r\n")
        assert terminal.seen == b"21 77\r\nready\r\n"
        terminal.resize(50, 160)
        assert terminal.wait() == 6
    assert terminal.seen.endswith(b"50 160\r\n")


def test_settings_of_the_callers_terminal_are_restored(firkin: Firkin, interactive: Bundle) -> None:
    with _run(firkin, interactive.shell("stty raw; echo ready; exit 1")) as terminal:
        assert terminal.wait() == 1
        assert termios.tcgetattr(terminal.slave) == terminal.settings


def test_settings_are_restored_when_the_program_can_not_be_executed(firkin: Firkin, interactive: Bundle) -> None:
    interactive.process["args"] = ["/absent"]
    with _run(firkin, interactive) as terminal:
        assert terminal.wait() == 127
        assert termios.tcgetattr(terminal.slave) == terminal.settings
    assert terminal.seen.startswith(b"firkin: error: ")


def test_no_output_is_lost(firkin: Firkin, interactive: Bundle) -> None:
    with _run(firkin, interactive.shell("seq 1 30000")) as terminal:
        assert terminal.wait() == 0
    assert terminal.seen.split() == [b"%d" % number for number in range(1, 30001)]


def test_no_input_is_lost(firkin: Firkin, interactive: Bundle) -> None:
    # Larger than what terminal and pipes hold together; the program reads late.
    interactive.shell("stty raw -echo; echo ready; sleep 1; head -c 200000 | wc -c")
    with _run(firkin, interactive) as terminal:
        terminal.expect(b"ready")
        for _ in range(200):
            assert select.select([], [terminal.master], [], SECONDS)[1]
            terminal.type(b"0123456789" * 100)
        assert terminal.wait() == 0
    assert terminal.seen.endswith(b"200000\n")


def test_keys_after_the_program_has_closed_its_terminal_are_harmless(firkin: Firkin, interactive: Bundle) -> None:
    interactive.shell("echo ready; exec sh -c 'sleep 2; exit 8' <&- >&- 2>&-")
    with _run(firkin, interactive) as terminal:
        terminal.expect(b"ready")
        while terminal.process.poll() is None:
            terminal.type(b"k")
            select.select([], [], [], 0.02)
        assert terminal.wait() == 8
    assert b"firkin" not in terminal.seen


def test_terminal_that_is_opened_again_still_shows(firkin: Firkin, interactive: Bundle) -> None:
    again = "sleep 1; echo again > /dev/console; sleep 1000"
    with _run(firkin, interactive.shell(f"echo ready; exec sh -c '{again}' <&- >&- 2>&-")) as terminal:
        terminal.expect(b"ready\r\nagain\r\n")
        firkin("kill", firkin.ids[-1], "KILL")
        assert terminal.wait() == 128 + 9


def test_streams_of_the_caller_need_not_be_a_terminal(firkin: Firkin, interactive: Bundle) -> None:
    interactive.process["args"] = ["cat"]
    done = firkin("run", "-b", interactive.save(), firkin.new_id(), input="line\n")
    assert (done.stdout, done.stderr) == ("line\nline\n", "")


def test_caller_that_stops_reading_does_not_stop_the_container(firkin: Firkin, interactive: Bundle) -> None:
    id = firkin.new_id()
    argv = firkin.command("run", "-b", interactive.shell("seq 1 100000; exit 9").save(), id)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(SECONDS) == 9
    assert firkin.leftovers(id) == []


def test_program_of_exec_has_a_terminal_although_the_container_has_none(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    with Terminal(
        firkin.command("exec", "-t", id, "sh", "-c", "tty; read line; exit 3"), rows=12, columns=34
    ) as terminal:
        terminal.type(b"\r")
        assert terminal.wait() == 3
    assert terminal.seen.replace(b"\r\n", b"", 1).strip() == b"/dev/pts/0"


def test_shells_of_exec_have_terminals_of_their_own(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    script = "stty size; tty; read line"
    with Terminal(firkin.command("exec", "-t", id, "sh", "-c", script), rows=11, columns=22) as first:
        first.expect(b"/dev/pts/0")
        with Terminal(firkin.command("exec", "-t", id, "sh", "-c", script), rows=33, columns=44) as second:
            second.expect(b"/dev/pts/1")
            second.type(b"\r")
            assert second.wait() == 0
        first.type(b"\r")
        assert first.wait() == 0
    assert first.seen.startswith(b"11 22\r\n"), first.seen
    assert second.seen.startswith(b"33 44\r\n"), second.seen


def test_create_with_a_terminal_needs_a_console_socket(firkin: Firkin, interactive: Bundle) -> None:
    done = firkin("create", "-b", interactive.save(), firkin.new_id(), check=False)
    message = "process.terminal: needs a --console-socket, as nobody stays to hold the terminal"
    assert (done.returncode, done.stderr) == (1, f"firkin: error: config.json: {message}\n")


def test_console_socket_without_a_terminal_is_an_error(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    line = firkin.fails(bundle, "--detach", "--console-socket", tmp_path / "console")
    assert line == "config.json: process.terminal: is false, but there is a --console-socket to send a terminal to"


@pytest.mark.parametrize("exists", [False, True])
def test_console_socket_that_nobody_serves_is_named(
    firkin: Firkin, interactive: Bundle, tmp_path: Path, exists: bool
) -> None:
    path = tmp_path / "console"
    if exists:
        path.write_text("no socket")
    line = firkin.fails(interactive, "--detach", "--console-socket", path)
    why = "Connection refused" if exists else "No such file or directory"
    assert line == f"--console-socket: connect {path}: {why}"


def test_console_socket_of_a_long_path(firkin: Firkin, interactive: Bundle, tmp_path: Path) -> None:
    path = tmp_path / ("d" * 60) / ("s" * 60)
    line = firkin.fails(interactive, "--detach", "--console-socket", path)
    assert line == f"--console-socket: connect {path}: File name too long"


def test_terminal_needs_a_devpts(firkin: Firkin, interactive: Bundle) -> None:
    interactive.without_mount("/dev/pts")
    line = firkin.fails(interactive)
    assert line.startswith("process.terminal: terminal: ")
    assert line.endswith("(a terminal needs a devpts mount on /dev/pts)")


def test_console_socket_that_is_closed_before_the_terminal_comes(
    firkin: Firkin, interactive: Bundle, listener: socket.socket, tmp_path: Path
) -> None:
    id = firkin.new_id()
    null = subprocess.DEVNULL
    argv = firkin.command("create", "-b", interactive.save(), "--console-socket", tmp_path / "console", id)
    process = subprocess.Popen(argv, stdin=null, stdout=null, stderr=subprocess.PIPE, text=True)
    listener.accept()[0].close()
    _, errors = process.communicate(timeout=SECONDS)
    # Either the message was taken into a socket that was still open, or there is nobody.
    assert process.returncode == 0 or errors == "firkin: error: --console-socket: terminal send: Broken pipe\n"


def test_lines_end_as_the_program_wrote_them_where_no_terminal_shows_them(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    argv = firkin.command("run", "-b", bundle.shell("echo one; echo two").save(), firkin.new_id())
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=120)
    assert done.stdout == b"one\ntwo\n"
