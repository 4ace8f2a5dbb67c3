"""A streaming server for a test, of which nothing may be left behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.request import ExecRequest, ForwardRequest
from firkin.cri.streaming.server import StreamingServer
from tests.support.local_runtime import LocalRuntime
from tests.support.waiting import SECONDS

__all__ = ["ALL", "OUTPUT", "TERMINAL", "Serving", "eventually", "run", "serving"]

ALL = Wanted(stdin=True, stdout=True, stderr=True, tty=False)
OUTPUT = Wanted(stdin=False, stdout=True, stderr=True, tty=False)
TERMINAL = Wanted(stdin=True, stdout=True, stderr=False, tty=True)


class Serving:
    """The server with its runtime."""

    def __init__(self, server: StreamingServer, runtime: LocalRuntime) -> None:
        self.server, self.runtime = server, runtime

    def exec(self, *command: str, wanted: Wanted = ALL, container: str = "c") -> str:
        """The URL at which `command` is run."""
        return self.server.issue(ExecRequest(container, command, wanted))

    def forward(self, *ports: int) -> str:
        """The URL at which `ports` are forwarded, and others too where the transport names them."""
        return self.server.issue(ForwardRequest("sandbox", ports))


@asynccontextmanager
async def serving(
    runtime: LocalRuntime | None = None, limits: Limits | None = None, patience: float = SECONDS
) -> AsyncIterator[Serving]:
    """Serve from `runtime`, and see that in the end no session and no task is left."""
    before = asyncio.all_tasks()
    runtime = runtime or LocalRuntime()
    serving = Serving(StreamingServer(runtime, limits), runtime)
    await serving.server.start()
    yield serving
    await serving.server.close(patience)
    runtime.close()
    assert (runtime.running, runtime.connected) == (0, 0)
    assert asyncio.all_tasks() - before == set()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `test` to its end, or until nobody believes in one any more."""

    async def bounded() -> None:
        async with asyncio.timeout(SECONDS):
            await test()

    asyncio.run(bounded())


async def eventually(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so that no event tells of."""
    while not is_so():
        await asyncio.sleep(0.01)
