"""What callers and clients of monitors know without one."""

from __future__ import annotations

import os
import runpy
import socket
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import KernelError, StateError
from firkin.runtime._monitor import ffi, lib
from firkin.runtime.monitor.client import STDERR, STDOUT, Client, Done, End, Output
from firkin.runtime.monitor.launch import Launcher, Order
from firkin.runtime.monitor.record import Status

ROOT = Path(__file__).parents[3]


def test_binding_declares_the_whole_header() -> None:
    declared = runpy.run_path(str(ROOT / "csrc/monitor_build.py"))["declarations"]
    text = declared((ROOT / "csrc/monitor.h").read_text())
    assert "static char *const MONITOR_SOCKET;" in text and "#define MONITOR_PACKET 16384" in text
    assert "char log_name[256];" in text
    assert not [line for line in text.splitlines() if line.startswith("#") and not line.startswith("#define MONITOR_")]


@pytest.mark.parametrize(
    ("wishes", "flags"),
    [
        ({}, 0),
        ({"terminal": True}, lib.MONITOR_TERMINAL),
        ({"stdin": True}, lib.MONITOR_STDIN),
        ({"stdin": True, "stdin_once": True}, lib.MONITOR_STDIN | lib.MONITOR_STDIN_ONCE),
        ({"stdin_once": True}, 0),
    ],
)
def test_flags_of_an_order(wishes: dict[str, Any], flags: int) -> None:
    assert Order(**wishes).flags == flags


@pytest.mark.parametrize(("log", "reason"), [("n" * 256, "File name too long"), ("/tmp/", "Is a directory")])
def test_log_needs_a_name(log: str, reason: str) -> None:
    with Launcher() as launcher, pytest.raises(KernelError, match=f"open the log {log}: {reason}"):
        launcher.start(b"", -1, Order(log=log))


def test_exit_code_is_that_of_a_shell() -> None:
    assert Status(pid=1, start_time=1, started_ns=1, code=3).exit_code == 3
    assert Status(pid=1, start_time=1, started_ns=1, signal=15).exit_code == 143


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    """A socket where that of a monitor would be."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(str(tmp_path / "monitor"))
    listening.listen()
    return listening


def connect(place: Path) -> Client:
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return Client(directory)
    finally:
        os.close(directory)


def message(kind: int, value: int = 0, data: bytes = b"") -> bytes:
    return kind.to_bytes(4, "little") + value.to_bytes(4, "little") + data


def test_messages_become_events(listener: socket.socket, tmp_path: Path) -> None:
    status = ffi.new("struct monitor_status *")
    status.pid, status.code, status.exited_ns, status.oom_kills = 5, 6, 7, 8
    with connect(tmp_path) as client, listener.accept()[0] as other, listener:
        assert client.receive() is None
        for sent in (
            message(lib.MONITOR_ATTACHED, lib.MONITOR_STDIN),
            message(lib.MONITOR_STDOUT_DATA, 0, b"out"),
            message(lib.MONITOR_STDERR_DATA, 0, b""),
            message(lib.MONITOR_DONE, 22),
            message(lib.MONITOR_EXITED, 0, bytes(ffi.buffer(status))),
        ):
            other.send(sent)
        attached, out, err, done, end = (client.receive() for _ in range(5))
        assert isinstance(attached, Done) and attached.has_stdin and not attached.has_terminal
        assert isinstance(out, Output) and (out.stream, out.data) == (STDOUT, b"out")
        assert isinstance(err, Output) and (err.stream, err.data) == (STDERR, b"")
        assert isinstance(done, Done) and done.error == 22
        assert isinstance(end, End) and end.status is not None
        assert (end.status.pid, end.status.code, end.status.exited_ns, end.status.oom_kills) == (5, 6, 7, 8)


def test_connection_that_ends_is_the_end(listener: socket.socket, tmp_path: Path) -> None:
    with connect(tmp_path) as client, listener:
        listener.accept()[0].close()
        event = client.receive()
        assert isinstance(event, End) and event.status is None
        with pytest.raises(StateError, match="its monitor is gone"):
            client.send_stdin(b"text")


def test_what_was_sent_before_the_end_is_received(listener: socket.socket, tmp_path: Path) -> None:
    with connect(tmp_path) as client, listener.accept()[0] as other, listener:
        client.ask_status()
        other.send(message(lib.MONITOR_STDOUT_DATA, 0, b"last"))
        # With the question unread, the kernel reports a reset first.
        other.close()
        event = client.receive()
        assert isinstance(event, Output) and event.data == b"last"
        assert isinstance(client.receive(), End)


def test_input_that_has_no_room_is_not_taken(listener: socket.socket, tmp_path: Path) -> None:
    with connect(tmp_path) as client, listener.accept()[0] as other, listener:
        data = bytes(range(256)) * 8192
        sent = client.send_stdin(data)
        assert 0 < sent < len(data) and sent % lib.MONITOR_PACKET == 0
        assert client.send_stdin(data[sent:]) == 0
        assert not client.close_stdin()
        with pytest.raises(StateError, match="does not take a question"):
            client.ask_status()
        got = b""
        while len(got) < sent:
            got += other.recv(1 << 20)[8:]
        assert got == data[:sent]
        assert client.send_stdin(data[sent:]) > 0


def test_question_to_a_monitor_that_says_nothing_ends_at_its_timeout(listener: socket.socket, tmp_path: Path) -> None:
    with (
        connect(tmp_path) as client,
        listener,
        pytest.raises(KernelError, match="does not answer: Connection timed out"),
    ):
        client.status(timeout=0.01)


def test_another_version_is_told(listener: socket.socket, tmp_path: Path) -> None:
    with connect(tmp_path) as client, listener.accept()[0] as other, listener:
        other.send(message(99))
        with pytest.raises(StateError, match="another version"):
            client.receive()
