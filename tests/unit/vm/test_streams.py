"""What a guest writes arrives, and its end is noticed however it comes. A shell stands in for QEMU."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.processes import Child, Children
from tests.vm.streams import Channel, Notes, Outlet, watch

FOREVER = 60.0


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(tmp_path) as started:
        yield started


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def channel(notes: Notes) -> Iterator[Channel]:
    with Channel("status", notes) as pipe:
        yield pipe


def machine(children: Children, channel: Channel, script: str) -> Child:
    """A process that writes to the channel, which it finds as descriptor 3."""
    path = f"/proc/self/fd/{channel.write_end}"
    child = children.start("machine", ["sh", "-c", f"exec 3>{path}; {script}"], pass_fds=[channel.write_end])
    channel.hand_over()
    return child


def test_all_that_was_written_arrives_before_the_end(children: Children, channel: Channel, notes: Notes) -> None:
    guest = machine(children, channel, "head -c 200000 /dev/zero >&3")
    assert not watch([channel], guest, [], seconds=FOREVER, is_done=notes.are_complete)
    assert notes.text == bytes(200_000)


def test_a_machine_that_has_said_its_status_is_not_waited_for(
    children: Children, channel: Channel, notes: Notes
) -> None:
    guest = machine(children, channel, "printf 'started\\nexit 7\\n' >&3; exec sleep 1000")
    assert not watch([channel], guest, [], seconds=FOREVER, is_done=notes.are_complete)
    assert (notes.started, notes.status) == (True, 7)


def test_a_machine_is_ended_when_its_time_is_up(children: Children, channel: Channel, notes: Notes) -> None:
    guest = machine(children, channel, "echo started >&3; exec sleep 1000")
    assert watch([channel], guest, [], seconds=0.5, is_done=notes.are_complete)
    assert notes.status is None


def test_a_machine_does_not_outlive_its_helper(
    children: Children, channel: Channel, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.vm.streams._LAST_WORDS", 0.1)
    helper = children.start("helper", ["true"])
    guest = machine(children, channel, "exec sleep 1000")
    assert not watch([channel], guest, [helper], seconds=FOREVER, is_done=notes.are_complete)


def test_a_status_that_is_half_written_is_none() -> None:
    notes = Notes(b"started\nexit 1")
    assert (notes.started, notes.status) == (True, None)
    notes(b"2\n")
    assert notes.status == 12


def test_output_that_nobody_reads_is_dropped() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    outlet = Outlet(write_end)
    outlet(b"lost")
    outlet(b"lost too")
    os.close(write_end)


def test_output_that_does_not_fit_at_once_is_written_whole(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        Outlet(file.fileno())(bytes(1_000_000))
    assert (tmp_path / "out").stat().st_size == 1_000_000


def test_children_end_with_their_context(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("sleeper", ["sh", "-c", "echo $$; exec sleep 1000"])
        pidfd = os.dup(child.pidfd)
    # Reaped: it can no longer be signalled.
    with pytest.raises(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, 0)
    os.close(pidfd)
