"""Creations that run: a client that asks again for the same thing joins the one that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from firkin.errors import AlreadyExistsError

__all__ = ["Creations", "check_same"]

_T = TypeVar("_T")


class Creations:
    """By name. All users are tasks of one event loop."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[bytes, asyncio.Future[Any]]] = {}

    async def join(self, name: str, request: Message, make: Callable[[], Awaitable[_T]]) -> _T:
        """What `make` returns, which runs once for all who ask for `name` meanwhile with an equal `request`.

        Raises AlreadyExistsError if another request for the name is under way, and what `make` raises.
        """
        text = request.SerializeToString(deterministic=True)
        found = self._running.get(name)
        if found is None:
            future: asyncio.Future[Any] = asyncio.ensure_future(make())
            self._running[name] = text, future
            future.add_done_callback(lambda _: self._running.pop(name))
        elif found[0] != text:
            raise AlreadyExistsError(f"{name}: is being made with another configuration")
        else:
            future = found[1]
        # Who gives up takes nothing away from the others.
        result: _T = await asyncio.shield(future)
        return result


def check_same(kind: str, id: str, made: Message, asked: Message) -> None:
    """Raise AlreadyExistsError unless what was made under a name is what is asked for under it again."""
    if made.SerializeToString(deterministic=True) != asked.SerializeToString(deterministic=True):
        raise AlreadyExistsError(f"{kind} {id} has this name, and another configuration")
