"""A container in the foreground: signals go to it, its terminal is this one, its exit code is ours.

Everything is waited for in one poll(2): the process by its pidfd, signals by the byte that their handler leaves in a
pipe, the terminal.
"""

from __future__ import annotations

import _signal
import os
import select

from firkin.errors import FirkinError
from firkin.runtime.spawn import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.spawn import Outcome
    from firkin.runtime.terminal import TerminalProxy

__all__ = ["Attendant", "see_off"]

_NOT_FORWARDED = frozenset(
    (
        _signal.SIGKILL,
        _signal.SIGSTOP,
        _signal.SIGCHLD,
        _signal.SIGSEGV,
        _signal.SIGBUS,
        _signal.SIGFPE,
        _signal.SIGILL,
        _signal.SIGPIPE,
        _signal.SIGURG,
        _signal.SIGTSTP,
        _signal.SIGTTIN,
        _signal.SIGTTOU,
    )
)


def _remember(_number: int, _frame: object) -> None:
    # What matters is the byte in the pipe, which the C part of the handler has written.
    return


class Attendant:
    """Takes note of signals from its making on, before the container exists, so that none is lost."""

    def __init__(self) -> None:
        self._signals, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in range(1, 32):
            if number not in _NOT_FORWARDED:
                _signal.signal(number, _remember)
                # System calls of the spawner go on after a signal.
                _signal.siginterrupt(number, False)

    def attend(self, outcome: Outcome) -> int:
        """Stay until the container's process ends; returns its exit code, or 128 + the signal that ended it."""
        terminal = None
        if outcome.terminal >= 0:
            from firkin.runtime.terminal import TerminalProxy

            terminal = TerminalProxy(outcome.terminal)
        try:
            self._serve(outcome.pidfd, terminal)
        finally:
            if terminal:
                terminal.close()
        status = wait(outcome.pidfd)
        os.close(outcome.pidfd)
        return status if status < 256 else 128 + status - 256

    def _serve(self, pidfd: int, terminal: TerminalProxy | None) -> None:
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        poller.register(self._signals, select.POLLIN)
        if terminal:
            terminal.register(poller)
        while True:
            ready = dict(poller.poll())
            if self._signals in ready:
                self._forward(pidfd, terminal)
            if terminal:
                terminal.transfer(ready, poller)
            if pidfd in ready:
                return

    def _forward(self, pidfd: int, terminal: TerminalProxy | None) -> None:
        for number in os.read(self._signals, 512):
            if number == _signal.SIGWINCH and terminal:
                terminal.resize()
                continue
            try:
                _signal.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                return


def see_off(invocation: Invocation, attendant: Attendant, outcome: Outcome, id: str) -> int:
    """Stay until the container's process ends, tell what it used where that is asked for, and delete it without --keep.

    Returns its exit code as `Attendant.attend`. Raises CgroupError if it can't be deleted.
    """
    code = attendant.attend(outcome)
    if invocation.given("stats"):
        from firkin.runtime.used import show_used

        try:
            show_used(invocation.root, id, invocation.text("stats"))
        except FirkinError as error:
            invocation.log.warning(f"what {id} used is not known: {error}")
    if not invocation.flag("keep"):
        from firkin.runtime.delete import delete

        delete(invocation.root, id, force=True, warn=invocation.log.warning)
    return code
