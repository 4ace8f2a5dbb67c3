"""Learning that a peer is gone from a socket that is not read from."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HangupWatch"]


class HangupWatch:
    """Calls `gone` when the peer of the socket `fd` has closed its end, or the connection broke; until `close`.

    An event loop can only wait for bytes, which who is slow does not want. A set of epoll is itself readable when an
    event in it is due, and EPOLLRDHUP (Linux 2.6.17) is one that bytes do not make due. What the peer's kernel could
    not send yet is ahead of its end: then it is keep-alive that finds nobody there, once that kernel has given up.
    """

    def __init__(self, fd: int, gone: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll(1)
        self._epoll.register(fd, select.EPOLLRDHUP)
        self._gone = gone
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def _look(self) -> None:
        if self._epoll.poll(0):
            self.close()
            self._gone()

    def close(self) -> None:
        """End the watch; it can be ended more than once."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
