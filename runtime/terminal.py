"""This terminal and the container's: bytes both ways, in raw mode, with the size kept the same."""

from __future__ import annotations

import _signal
import os
import select
import termios
from fcntl import ioctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TerminalProxy"]

_CHUNK = 65536
# include/uapi/asm-generic/ioctls.h; Linux 4.13
_TIOCGPTPEER = 0x5441


class TerminalProxy:
    """Connects standard input and output to the master of a pseudo-terminal, until `close`.

    Standard input need not be a terminal; where it is one it is put into raw mode and restored.
    """

    def __init__(self, master: int) -> None:
        self._master = master
        self._pending = b""
        self._input_open = True
        self._hung_up = False
        # While somebody holds this end, programs may close the terminal and open it again.
        self._peer = ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        os.set_blocking(master, False)
        # The container does not end with the one who looks at it.
        _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
        self._saved = _make_raw() if os.isatty(0) else None
        self.resize()

    def resize(self) -> None:
        """Give the container's terminal the size of this one."""
        if os.isatty(1):
            size = ioctl(1, termios.TIOCGWINSZ, bytes(8))
            ioctl(self._master, termios.TIOCSWINSZ, size)

    def register(self, poller: select.poll) -> None:
        """Add the descriptors to a poll."""
        poller.register(0, select.POLLIN)
        poller.register(self._master, select.POLLIN)

    def transfer(self, ready: dict[int, int], poller: select.poll) -> None:
        """Move what the poll says is there."""
        if 0 in ready and self._input_open:
            self._read_input(poller)
        events = ready.get(self._master, 0)
        if events & select.POLLOUT or self._pending:
            self._write_pending(poller)
        if events & (select.POLLIN | select.POLLHUP) and not self._copy_output():
            poller.unregister(self._master)
            self._hung_up = True

    def _read_input(self, poller: select.poll) -> None:
        try:
            data = os.read(0, _CHUNK)
        except OSError:
            # EIO: this terminal was hung up.
            data = b""
        if not data:
            # End of file for the container's program: the terminal's own sign for it.
            data = b"\x04"
            self._input_open = False
        self._pending += data
        if not self._input_open or len(self._pending) > _CHUNK:
            poller.unregister(0)
        self._write_pending(poller)

    def _write_pending(self, poller: select.poll) -> None:
        if self._hung_up:
            self._pending = b""
            return
        was_full = len(self._pending) > _CHUNK
        try:
            self._pending = self._pending[os.write(self._master, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
        poller.modify(self._master, select.POLLIN | (select.POLLOUT if self._pending else 0))
        if was_full and self._input_open and len(self._pending) <= _CHUNK:
            poller.register(0, select.POLLIN)

    def _copy_output(self) -> bool:
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            # EIO: the last process has closed its end.
            return False
        _write_all(1, data)
        return bool(data)

    def close(self) -> None:
        """Copy what is left, and restore this terminal."""
        while True:
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:
                break
            if not data:
                break
            _write_all(1, data)
        os.close(self._master)
        os.close(self._peer)
        if self._saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self._saved)


def _write_all(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        # Nobody reads any more; the container goes on without.
        return


def _make_raw() -> list[Any]:
    saved = termios.tcgetattr(0)
    raw = list(saved)
    raw[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
    raw[1] &= ~termios.OPOST
    raw[2] = raw[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    termios.tcsetattr(0, termios.TCSADRAIN, raw)
    return saved
