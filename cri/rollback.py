"""Undoing what was done, when a later step fails: in reverse, each undo tried, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from firkin import log
from firkin.cri import faults

__all__ = ["Rollback"]

_LOGGER = log.to("rollback")


class Rollback:
    """Holds an undo for each step that was done; leaving the context with an exception calls them.

    `is_clean` is false once an undo has failed: then something is left, which a record must keep naming.
    """

    def __init__(self) -> None:
        self.is_clean = True
        self._undos: list[tuple[str, Callable[[], Awaitable[object]]]] = []

    def add(self, what: str, undo: Callable[[], Awaitable[object]]) -> None:
        """`undo` takes back what was just done, or is about to be; `what` names it in the log."""
        self._undos.append((what, undo))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        for what, undo in reversed(self._undos):
            try:
                await undo()
                faults.reach("undone")
            except Exception as failure:
                self.is_clean = False
                _LOGGER.error("undo %s: %s", what, failure)
