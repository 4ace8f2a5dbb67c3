"""The seam to the runtime: what the CRI server gives, and the streaming server moves bytes for.

Who implements these has to expect that a coroutine is cancelled, at any time, because the client is gone. Only `exec`
and `attach` never are: what they have begun they finish, and the session is closed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from firkin.cri.streaming.request import AttachRequest, ExecRequest

__all__ = ["Connection", "Runtime", "Session", "Sink", "Source"]


class Source(Protocol):
    """Bytes that come, such as the output of a process."""

    async def read(self) -> bytes:
        """The next bytes as soon as there are some, b"" at the end. Raises OSError."""


class Sink(Protocol):
    """Bytes that go, such as the input of a process."""

    async def write(self, data: bytes) -> None:
        """Returns when all of `data` is taken. Raises OSError; BrokenPipeError says that nothing is read any more."""

    async def close(self) -> None:
        """Say that no more comes."""


class Session(Protocol):
    """A process with those of its streams that were asked for; None for the others."""

    @property
    def stdin(self) -> Sink | None:
        """The input of the process."""

    @property
    def stdout(self) -> Source | None:
        """Its output; all of it where it has a terminal."""

    @property
    def stderr(self) -> Source | None:
        """Its standard error."""

    def resize(self, width: int, height: int) -> None:
        """The client's terminal has this size now, in characters."""

    async def wait(self) -> int:
        """The exit code, once the process has ended: 0 to 255, 128 and the number of the signal that ended it."""

    async def close(self) -> None:
        """Let go of the streams. This comes once, and last: either all was said, or the client is gone."""


class Connection(Source, Sink, Protocol):
    """A connection to a port. `close` ends only the direction towards the port."""

    def abort(self) -> None:
        """Let go of the connection. This comes once, and last."""


class Runtime(Protocol):
    """What the streaming server wants of the CRI server."""

    async def exec(self, request: ExecRequest) -> Session:
        """Start a process in a container. Raises FirkinError, whose text the client gets."""

    async def attach(self, request: AttachRequest) -> Session:
        """Take part in the streams of a container. Raises FirkinError, whose text the client gets."""

    async def connect(self, sandbox: str, port: int) -> Connection:
        """Connect to a port of a sandbox. Raises FirkinError, whose text the client gets."""
