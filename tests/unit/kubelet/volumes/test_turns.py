"""Work on one thing is done one after the other, and to its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from firkin.kubelet.volumes.turns import Turns


def test_work_with_the_same_key_does_not_overlap_and_keeps_its_order() -> None:
    done: list[int] = []
    gate = threading.Event()

    def slow() -> None:
        gate.wait(60)
        done.append(1)

    async def body() -> None:
        turns = Turns()
        first = asyncio.create_task(turns.run("a", slow))
        second = asyncio.create_task(turns.run("a", lambda: done.append(2)))
        await turns.run("b", lambda: done.append(3))
        gate.set()
        await asyncio.gather(first, second)

    asyncio.run(body())
    assert done == [3, 1, 2]


def test_work_goes_on_when_nobody_waits_any_more_and_is_not_overtaken() -> None:
    done: list[int] = []
    gate, begun = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        gate.wait(60)
        done.append(1)

    async def body() -> None:
        turns = Turns()
        task = asyncio.create_task(turns.run("a", slow))
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = asyncio.create_task(turns.run("a", lambda: done.append(2)))
        await asyncio.sleep(0)
        gate.set()
        await second

    asyncio.run(body())
    assert done == [1, 2]


def test_however_much_hangs_the_work_on_others_is_done() -> None:
    gate = threading.Event()

    async def body() -> int:
        turns = Turns()
        hanging = [asyncio.create_task(turns.run(f"pod {number}", lambda: gate.wait(600))) for number in range(100)]
        found = await turns.run("another", lambda: 7)
        assert not any(task.done() for task in hanging)
        gate.set()
        await asyncio.gather(*hanging)
        return found

    assert asyncio.run(body()) == 7


def test_an_error_is_the_callers_and_nobody_elses() -> None:
    def broken() -> None:
        raise PermissionError("no")

    async def body() -> int:
        turns = Turns()
        with pytest.raises(PermissionError):
            await turns.run("a", broken)
        return await turns.run("a", lambda: 7)

    assert asyncio.run(body()) == 7
