"""A session with a process of this machine, over descriptors that whoever spawned it was given."""

from __future__ import annotations

import asyncio
import os
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING

from firkin.cri.streaming.descriptors import DescriptorSink, DescriptorSource, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["ProcessSession", "child_exit"]

_SILENCE = 5.0
# include/uapi/asm-generic/ioctls.h; Linux 4.13
_TIOCGPTPEER = 0x5441


class ProcessSession:
    """A session over pipes or over the master of a pseudo-terminal.

    Parameters: `stdin`, `stdout`, `stderr` are ends of pipes, None for those that were not asked for, and `terminal`
    is the master in their place, of which `reads` says whether input is sent to it. All are closed by `close`, and
    belong to the session from now on. `ended` waits for the exit code; `child_exit` is one for a child of this process.
    After the end, output of those whom the process left behind is taken until none comes for `silence` seconds.

    A process whose client is gone meets what it would in a shell: a closed pipe, or a terminal that hung up (SIGHUP).
    """

    def __init__(
        self,
        ended: Callable[[], Awaitable[int]],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        terminal: int | None = None,
        reads: bool = True,
        silence: float = _SILENCE,
    ) -> None:
        self._ended = ended
        self._terminal = terminal
        # While somebody holds this end, programs may close the terminal and open it again.
        self._peer = None if terminal is None else ioctl(terminal, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self._stdin = stdin
        self.stdin: DescriptorSink | None = None
        self.stdout = _source(stdout if terminal is None else terminal, silence)
        self.stderr = _source(stderr, silence)
        if stdin is not None:
            self.stdin = DescriptorSink(stdin, self._close_stdin)
        elif terminal is not None and reads:
            # A terminal has no end of input but what is typed, and hangs up when it is closed.
            self.stdin = DescriptorSink(terminal, lambda: None)

    def resize(self, width: int, height: int) -> None:
        """The client's terminal has this size now, in characters; nothing where the process has none."""
        if self._terminal is not None:
            termios.tcsetwinsize(self._terminal, (height, width))

    async def wait(self) -> int:
        """The exit code, once the process has ended."""
        code = await self._ended()
        self._close_peer()
        for source in (self.stdout, self.stderr):
            if source is not None:
                source.writer_ended()
        return code

    async def close(self) -> None:
        """Let go of the streams."""
        self._close_stdin()
        self._close_peer()
        for source in (self.stdout, self.stderr):
            if source is not None:
                source.close()

    def _close_stdin(self) -> None:
        fd, self._stdin = self._stdin, None
        if fd is not None:
            os.close(fd)

    def _close_peer(self) -> None:
        fd, self._peer = self._peer, None
        if fd is not None:
            os.close(fd)


async def child_exit(pidfd: int) -> int:
    """Wait for the child that `pidfd` stands for, reap it, and close `pidfd`: the exit code, 128 + n for signal n.

    Raises OSError if it is no child. Cancelled, it leaves the child as it is and `pidfd` open.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    loop.add_reader(pidfd, settle, waiter)
    try:
        await waiter
    finally:
        loop.remove_reader(pidfd)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)
    assert result is not None
    return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status


def _source(fd: int | None, silence: float) -> DescriptorSource | None:
    return None if fd is None else DescriptorSource(fd, silence)
