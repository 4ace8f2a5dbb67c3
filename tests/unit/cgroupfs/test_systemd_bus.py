"""The connection to a message bus, whose other end is played here: silent, hostile, or gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jeepney import DBusAddress, HeaderFields, Message, Parser, new_error, new_method_return, new_signal

from firkin.cgroupfs.systemd.bus import Bus, RefusedError, bus_path
from firkin.cgroupfs.systemd.driver import Systemd
from firkin.cgroupfs.systemd.refusals import job_failed, refused
from firkin.errors import (
    AlreadyExistsError,
    CgroupError,
    CgroupGoneError,
    CgroupPermissionError,
    CgroupTimeoutError,
    CgroupValueError,
)
from tests.support.waiting import SECONDS

LET_IN = b"DATA\r\nOK 0123456789abcdef\r\n"
OWNER = ":1.7"
Answers = Callable[[Message], list[Message]]


class Peer:
    """Answers each message of one client by a function; ends with the client."""

    def __init__(self, path: Path, answers: Answers, greeting: bytes) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._answers = answers
        self._greeting = greeting
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            data = client.recv(4096)
            assert data.startswith(b"\0AUTH EXTERNAL\r\n")
            client.sendall(self._greeting)
            parser, serial, begun = Parser(), 1000, False
            while data := client.recv(4096):
                if not begun:
                    data, begun = data.removeprefix(b"BEGIN\r\n"), True
                for message in parser.feed(data):
                    for answer in self._answers(message):
                        serial += 1
                        client.sendall(answer.serialise(serial=serial))

    def close(self) -> None:
        self._listener.close()
        self._thread.join(10)


@contextmanager
def peer(path: Path, answers: Answers, greeting: bytes = LET_IN) -> Iterator[str]:
    other = Peer(path, answers, greeting)
    try:
        yield str(path)
    finally:
        other.close()


def member(message: Message) -> str:
    return str(message.header.fields[HeaderFields.member])


def reply(message: Message, signature: str = "s", *values: object) -> Message:
    return new_method_return(message, signature, values)


def signal(sender: str, name: str, signature: str, *values: object) -> Message:
    place = DBusAddress("/org/freedesktop/systemd1", interface="org.freedesktop.systemd1.Manager")
    made = new_signal(place, name, signature, values)
    made.header.fields[HeaderFields.sender] = sender
    return made


def polite(message: Message) -> list[Message]:
    return [reply(message, "s", ":1.1")]


def manager(job: Answers) -> Answers:
    """A systemd, but for the calls that `job` answers."""

    def answers(message: Message) -> list[Message]:
        name, body = member(message), message.body
        if name in ("Hello", "GetNameOwner"):
            return [reply(message, "s", OWNER)]
        if name in ("AddMatch", "Subscribe"):
            return [new_method_return(message)]
        if name == "Get" and body[1] in ("Version", "ControlGroup"):
            return [reply(message, "v", ("s", {"Version": "252.39-1~deb12u1", "ControlGroup": "/a"}[body[1]]))]
        return job(message)

    return answers


def test_a_call_returns_what_the_other_side_returns(tmp_path: Path) -> None:
    with peer(tmp_path / "bus", polite) as path, Bus(path, timeout=SECONDS) as bus:
        assert bus.call("a.b", "/", "a.b.C", "s", "x", deadline=time.monotonic() + SECONDS) == (":1.1",)


def test_no_bus_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CgroupError) as caught:
        Bus(str(tmp_path / "bus"), timeout=SECONDS)
    assert str(caught.value).startswith(f"connect to systemd: {tmp_path}/bus: No such file or directory (is systemd")


@pytest.mark.parametrize("greeting", [b"REJECTED EXTERNAL\r\n", b"DATA\r\nREJECTED EXTERNAL\r\n", b"x" * 8192])
def test_a_bus_that_lets_nobody_in(tmp_path: Path, greeting: bytes) -> None:
    with (
        peer(tmp_path / "bus", polite, greeting) as path,
        pytest.raises(CgroupError, match="does not let this user in"),
    ):
        Bus(path, timeout=SECONDS)


def test_a_silent_bus_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with peer(tmp_path / "bus", polite, b"") as path, pytest.raises(CgroupTimeoutError):
        Bus(path, timeout=0.05)
    with peer(tmp_path / "bus2", lambda _: []) as path, pytest.raises(CgroupTimeoutError):
        Bus(path, timeout=0.05)


def test_an_error_is_an_exception_with_its_name(tmp_path: Path) -> None:
    def answers(message: Message) -> list[Message]:
        return polite(message) if member(message) == "Hello" else [new_error(message, "a.b.Bad", "s", ("why",))]

    with peer(tmp_path / "bus", answers) as path, Bus(path, timeout=SECONDS) as bus:
        with pytest.raises(RefusedError) as caught:
            bus.call("a.b", "/", "a.b.C", deadline=time.monotonic() + SECONDS)
        assert (caught.value.name, caught.value.text) == ("a.b.Bad", "why")


def test_a_job_is_over_when_systemd_says_so_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def job(message: Message) -> list[Message]:
        ended = ("uoss", 1, "/job/1", "a.scope")
        return [
            signal(OWNER, "JobRemoved", "uoss", 2, "/job/2", "a.scope", "failed"),
            signal(":1.666", "JobRemoved", *ended, "done"),
            reply(message, "o", "/job/1"),
            signal(":1.666", "JobRemoved", *ended, "done"),
            signal(OWNER, "JobRemoved", *ended, "timeout"),
        ]

    with peer(tmp_path / "bus", manager(job)) as path:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        with Systemd(timeout=SECONDS) as systemd:
            assert (systemd.version, systemd.control_group) == (252, "a")
            with pytest.raises(CgroupTimeoutError, match=r"start a\.scope: the job ended as 'timeout'"):
                systemd.start_scope("a.scope", "system.slice", [1])


def test_a_job_that_never_ends_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(tmp_path / "bus", manager(lambda message: [reply(message, "o", "/job/1")])) as path:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        with Systemd(timeout=SECONDS) as systemd:
            monkeypatch.setattr(systemd, "_timeout", 0.1)
            with pytest.raises(CgroupTimeoutError):
                systemd.start_slice("a.slice")


def test_a_bus_without_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(message: Message) -> list[Message]:
        unknown = new_error(message, "org.freedesktop.DBus.Error.ServiceUnknown", "s", ("not there",))
        return [unknown] if member(message) == "Subscribe" else [reply(message, "s", OWNER)]

    with peer(tmp_path / "bus", answers) as path:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        with pytest.raises(CgroupError, match="connect to systemd: systemd is not on the bus"):
            Systemd(timeout=SECONDS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org.freedesktop.systemd1.UnitExists", AlreadyExistsError),
        ("org.freedesktop.systemd1.NoSuchUnit", CgroupGoneError),
        ("org.freedesktop.DBus.Error.AccessDenied", CgroupPermissionError),
        ("org.freedesktop.DBus.Error.InvalidArgs", CgroupValueError),
        ("org.freedesktop.DBus.Error.NoReply", CgroupTimeoutError),
        ("org.example.Else", CgroupError),
    ],
)
def test_refusals_have_the_class_of_their_kind(name: str, kind: type[Exception]) -> None:
    error = refused("start", "a.scope", RefusedError(name, "Because."))
    assert type(error) is kind and str(error).startswith("start a.scope: ")


def test_a_job_that_failed_names_its_result() -> None:
    assert str(job_failed("stop", "a.scope", "canceled")).startswith("stop a.scope: the job ended as 'canceled'")


def test_where_the_buses_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/5")
    assert bus_path(user=False) == "/run/dbus/system_bus_socket"
    assert bus_path(user=True) == "/run/user/5/bus"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:abstract=x,guid=1")
    assert bus_path(user=True) == "\0x"
    for bad in ("tcp:host=a", "nonsense", "unix:dir=/tmp"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bad)
        with pytest.raises(CgroupError, match="is not a unix socket"):
            bus_path(user=False)
