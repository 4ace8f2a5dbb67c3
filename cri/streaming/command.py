"""What a remote command says and hears, whatever the transport is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from firkin.cri.streaming.events import Stream

if TYPE_CHECKING:
    from firkin.cri.streaming.events import Event
    from firkin.cri.streaming.status import Status

__all__ = ["CommandCore", "Core", "Wanted", "version"]


@dataclass(frozen=True)
class Wanted:
    """Which streams the client asked for when it got its token."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    def streams(self) -> set[Stream]:
        """The streams between client and command, without those for errors and sizes."""
        asked = {Stream.STDIN: self.stdin, Stream.STDOUT: self.stdout, Stream.STDERR: self.stderr}
        return {stream for stream, is_wanted in asked.items() if is_wanted}


class Core(Protocol):
    """What the wire needs of a core, behind the upgrade."""

    @property
    def is_over(self) -> bool:
        """Whether the peer will neither send nor read any more, so that the socket can be closed."""

    def begin(self) -> list[Event]:
        """What is so before any bytes have come."""

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError, with the farewell in the output."""

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""

    def leave(self, reason: str) -> None:
        """Say that firkin ends the connection, for `reason` where the transport has room for one."""


class CommandCore(Core, Protocol):
    """A remote command on one transport."""

    def send(self, stream: Stream, data: bytes) -> None:
        """Send what the command wrote."""

    def end(self, stream: Stream) -> None:
        """The command writes no more on `stream`, or reads no more from standard input."""

    def finish(self, status: Status) -> None:
        """Say how it ended, and that this is all."""


def version(protocol: str) -> int:
    """The version of a protocol of remote commands, such as `v4.base64.channel.k8s.io`; without one it is the first."""
    return int(protocol[1]) if protocol[:1] == "v" else 1
