"""What comes out of a guest: its output, copied as it arrives, and the notes about its command."""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.vm.processes import Child

__all__ = ["Channel", "Notes", "Outlet", "watch"]

_CHUNK = 65536
_LAST_WORDS = 5.0


class Channel:
    """A pipe that QEMU writes one port of the guest into."""

    def __init__(self, name: str, receive: Callable[[bytes], None]) -> None:
        self.name = name
        self.receive = receive
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in tuple(self._open):
            self._close(descriptor)

    def hand_over(self) -> None:
        """Closes the end that QEMU has by now, so that its exit ends the stream."""
        self._close(self.write_end)

    def _close(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        os.close(descriptor)


class Outlet:
    """Writes to a descriptor; once nobody reads there it drops everything, so that the guest does not block."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._broken = False

    def __call__(self, data: bytes) -> None:
        while data and not self._broken:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BrokenPipeError:
                self._broken = True


@dataclass(slots=True)
class Notes:
    """What `guest/command.sh` says of its command: that it starts, and the status it ends with."""

    text: bytes = b""

    def __call__(self, data: bytes) -> None:
        self.text += data

    @property
    def started(self) -> bool:
        return self.text.startswith(b"started\n")

    @property
    def status(self) -> int | None:
        word = self.text.partition(b"exit ")[2]
        return int(word) if word.endswith(b"\n") else None

    def are_complete(self) -> bool:
        """Whether the guest has nothing more to say: the status comes after all output has arrived."""
        return self.status is not None


def watch(
    channels: Sequence[Channel],
    machine: Child,
    helpers: Sequence[Child],
    *,
    seconds: float,
    is_done: Callable[[], bool],
) -> bool:
    """Copies the `channels` until the `machine`, which alone writes to them, has closed them all by ending.

    It is ended once `is_done`, after `seconds`, and where one of the helpers that it can not live
    without has ended and it does not follow at once. Returns whether the time was up.
    """
    deadline = time.monotonic() + seconds
    sources = {channel.read_end: channel for channel in channels}
    lives = {helper.pidfd for helper in helpers}
    poll = select.poll()
    for descriptor in (*sources, *lives):
        poll.register(descriptor, select.POLLIN)
    timed_out = helper_ended = False
    while sources:
        ready = poll.poll(1000 * max(0.0, deadline - time.monotonic()))
        if not ready and time.monotonic() >= deadline:
            timed_out = not helper_ended
            machine.end()
        for descriptor, _ in ready:
            if descriptor in lives:
                poll.unregister(descriptor)
                helper_ended = True
                deadline = min(deadline, time.monotonic() + _LAST_WORDS)
            elif data := os.read(descriptor, _CHUNK):
                sources[descriptor].receive(data)
            else:
                poll.unregister(descriptor)
                del sources[descriptor]
        if is_done():
            machine.end()
    return timed_out
