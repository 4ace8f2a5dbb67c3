"""Pressure triggers that are set, and the poll(2) that tells which of them fired.

To ask whether a trigger fired takes the answer away from whoever asks next, and an epoll instance inside of another
one asks twice: the event is lost there. So the descriptors are polled flatly, here alone; others may wait for the
inotify instance, which is told of every trigger too since the kernel notifies through the file (Linux 6.5).

Source: psi_trigger_poll() in kernel/sched/psi.c; __ep_eventpoll_poll() in fs/eventpoll.c.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from firkin.cgroupfs.events.event import Event, Pressure, PressureOff
from firkin.cgroupfs.events.member import Member
from firkin.cgroupfs.events.trigger import Trigger

__all__ = ["Armed"]


class Armed:
    """The descriptors of triggers, and the descriptor `notices` to be polled with them; `emit` takes the events."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._armed: dict[int, tuple[Member, Trigger]] = {}
        self._poller = select.poll()
        self._notices = -1

    def begin(self, notices: int) -> None:
        """Poll `notices` too, for input."""
        self._notices = notices
        self._poller.register(notices, select.POLLIN)

    def add(self, member: Member, trigger: Trigger) -> None:
        """Set a trigger on a member. Raises CgroupError as `Trigger.arm`."""
        fd = trigger.arm(member.handle)
        self._armed[fd] = member, trigger
        self._poller.register(fd, select.POLLPRI)

    def poll(self, timeout_ms: int | None) -> tuple[bool, list[Member]]:
        """Wait, and report the triggers that fired: whether there are notices, and whose trigger may have ended."""
        ready = self._poller.poll(timeout_ms)
        ended = []
        for fd, mask in ready:
            if fd == self._notices:
                continue
            member, trigger = self._armed[fd]
            if mask & (select.POLLERR | select.POLLNVAL):
                ended.append(member)
            elif mask & select.POLLPRI:
                self._emit(Pressure(member.path, trigger, time.time_ns()))
        return any(fd == self._notices for fd, _ in ready), ended

    def end(self, member: Member) -> None:
        """Report that the ended triggers of a member that is still there are no more."""
        for fd, (owner, trigger) in list(self._armed.items()):
            if owner is member and _is_dead(fd):
                self._close(fd)
                self._emit(PressureOff(member.path, trigger, time.time_ns()))

    def drop(self, member: Member) -> None:
        """Close the triggers of a member."""
        for fd, (owner, _) in list(self._armed.items()):
            if owner is member:
                self._close(fd)

    def _close(self, fd: int) -> None:
        del self._armed[fd]
        self._poller.unregister(fd)
        os.close(fd)


def _is_dead(fd: int) -> bool:
    try:
        os.pread(fd, 1, 0)
    except OSError:
        return True
    return False
