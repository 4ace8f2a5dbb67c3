"""Events reach everybody who listens, and nobody can hold them up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from firkin.cri import events as module
from firkin.cri.api.events_pb2 import ContainerEventResponse, ContainerEventType
from firkin.cri.events import Events

CREATED, STOPPED = ContainerEventType.CONTAINER_CREATED_EVENT, ContainerEventType.CONTAINER_STOPPED_EVENT


async def take(stream: AsyncIterator[ContainerEventResponse], count: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    async for event in stream:
        found.append((event.container_id, event.container_event_type))
        if len(found) == count:
            break
    return found


async def listening(events: Events, count: int) -> asyncio.Task[list[tuple[str, int]]]:
    task = asyncio.create_task(take(events.listen(), count))
    await asyncio.sleep(0)
    return task


def test_all_listeners_hear_all_from_when_they_began() -> None:
    async def scenario() -> None:
        events = Events()
        assert not events.is_heard
        events.publish(CREATED, "before", None, [])
        first = await listening(events, 2)
        events.publish(CREATED, "a", None, [])
        second = await listening(events, 1)
        events.publish(STOPPED, "a", None, [])
        assert await first == [("a", CREATED), ("a", STOPPED)]
        assert await second == [("a", STOPPED)]

    asyncio.run(scenario())


def test_a_listener_that_leaves_is_forgotten() -> None:
    async def scenario() -> None:
        events = Events()
        task = await listening(events, 1)
        assert events.is_heard
        task.cancel()
        await asyncio.wait([task])
        await asyncio.get_running_loop().shutdown_asyncgens()
        assert not events.is_heard

    asyncio.run(scenario())


def test_a_slow_listener_loses_the_oldest() -> None:
    async def scenario() -> None:
        events = Events()
        task = await listening(events, module._MOST)
        for number in range(module._MOST + 3):
            events.publish(CREATED, str(number), None, [])
        found = await task
        assert (found[0][0], found[-1][0]) == ("3", str(module._MOST + 2))

    asyncio.run(scenario())
