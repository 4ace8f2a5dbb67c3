"""Attaching to containers: output, input, terminals, several clients."""

from __future__ import annotations

import errno

import pytest

from firkin.errors import KernelError, StateError
from firkin.runtime.monitor.client import STDERR, STDIN, STDOUT, Client, Done, End, Output
from tests.support.bundle import Bundle
from tests.support.monitors import Monitors, next_event, read_until, wait_readable
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")


def send(client: Client, data: bytes) -> None:
    """Send all, as room comes."""
    import select

    poller = select.poll()
    poller.register(client.fileno(), select.POLLOUT)
    view = memoryview(data)
    while view:
        assert poller.poll(SECONDS * 1000)
        view = view[client.send_stdin(view) :]


def test_streams_go_to_who_asked_for_them(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("read line; echo out $line; echo err >&2; exit 4"), stdin=True)
    with watched.attach(STDOUT | STDERR | STDIN) as both, watched.attach(STDERR) as errors:
        both.send_stdin(b"hello\n")
        events = []
        while not isinstance(event := next_event(both), End):
            events.append(event)
        assert event.status is not None and event.status.code == 4
        got = {event.stream: event.data for event in events if isinstance(event, Output)}
        assert got == {STDOUT: b"out hello\n", STDERR: b"err\n"}
        assert read_until(errors)[0] == b"err\n"
    watched.end()
    with pytest.raises(StateError, match="container not running"):
        watched.client()


def test_much_goes_both_ways_without_loss(monitors: Monitors, bundle: Bundle) -> None:
    data = b"".join(b"%d\n" % n for n in range(200_000))
    watched = monitors.start(bundle.shell("cat; echo end"), stdin=True, stdin_once=True, log="")
    with watched.attach(STDOUT) as reader:
        with watched.attach(STDIN) as writer:
            import threading

            sender = threading.Thread(target=send, args=(writer, data))
            sender.start()
            got, _ = read_until(reader, data[-7:])
            sender.join(SECONDS)
        rest, end = read_until(reader)
    assert got + rest == data + b"end\n"
    assert end is not None and end.code == 0


def test_terminal_works_like_one(monitors: Monitors, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    bundle.process["consoleSize"] = {"height": 33, "width": 99}
    script = "stty size; trap 'stty size; exit 5' WINCH; tty; echo ready; while :; do read line && echo got $line; done"
    watched = monitors.start(bundle.shell(script), terminal=True, stdin=True)
    with watched.client() as client:
        client.ask_attach(STDIN | STDOUT | STDERR)
        done = next_event(client)
        assert isinstance(done, Done) and done.has_terminal and done.has_stdin
        client.send_stdin(b"text\n")
        read_until(client, b"got text\r\n")
        client.ask_resize(40, 120)
        got, end = read_until(client)
    assert b"40 120\r\n" in got
    assert end is not None and end.code == 5
    lines = watched.lines()
    assert {"stdout F 33 99", "stdout F /dev/pts/0", "stdout F text", "stdout F got text", "stdout F 40 120"} <= {
        *lines
    }
    assert not any(line.startswith("stderr") for line in lines)


def test_terminal_sends_signals_of_its_keys(monitors: Monitors, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    script = "trap 'echo interrupted; exit 6' INT; echo ready; while :; do read line; done"
    watched = monitors.start(bundle.shell(script), terminal=True, stdin=True)
    with watched.attach(STDIN | STDOUT) as client, watched.client() as other:
        while "stdout F ready" not in watched.lines():
            other.status()
        client.send_stdin(b"\x03")
        _, end = read_until(client)
    assert end is not None and end.code == 6


def test_no_terminal_has_no_size(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("sleep 1000"))
    with watched.client() as client, pytest.raises(KernelError) as failure:
        client.resize(24, 80)
    assert failure.value.errno == errno.ENOTTY


def test_clients_come_and_go(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("while read line; do echo $line; done"), stdin=True)
    for number in range(100):
        with watched.attach(STDIN | STDOUT) as client:
            client.send_stdin(b"%d\n" % number)
            assert read_until(client, b"\n")[0] == b"%d\n" % number
    with watched.attach(STDIN) as client:
        client.close_stdin()
        assert read_until(client)[0] == b""
    assert watched.end().code == 0


def test_client_that_takes_nothing_does_not_stop_the_container(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("read line; seq 1 200000"), stdin=True, stall_ms=200)
    with watched.attach(STDOUT) as stalled, watched.attach(STDIN) as writer:
        writer.send_stdin(b"\n")
        end = watched.end()
        assert (end.code, end.lost_records) == (0, 0)
        got, told = read_until(stalled)
        assert told is None and 0 < len(got) < 1_000_000
    assert len(watched.lines()) == 200_000


def test_standard_input_once_ends_with_the_client(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("cat; exit 8"), stdin=True, stdin_once=True)
    with watched.attach(STDIN) as client:
        client.send_stdin(b"text")
    assert watched.end().code == 8
    assert watched.lines() == ["stdout P text"]


def test_end_is_told_to_who_only_waits(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("exit 9"), run=False)
    with watched.client() as client:
        assert client.receive() is None
        monitors.firkin("start", watched.id)
        wait_readable(client.fileno(), "no event")
        event = client.receive()
        assert isinstance(event, End) and event.status is not None and event.status.code == 9
