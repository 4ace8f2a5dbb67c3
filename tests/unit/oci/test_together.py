"""What is done side by side: so much at once, in order, and the first error by itself."""

from __future__ import annotations

import asyncio

import pytest

from firkin.oci.together import together


def test_results_are_in_the_order_of_the_work() -> None:
    async def give(number: int) -> int:
        for _ in range(5 - number):
            await asyncio.sleep(0)
        return number

    assert asyncio.run(together(give(number) for number in range(5))) == [0, 1, 2, 3, 4]
    assert asyncio.run(together([])) == []


def test_so_much_at_once_begun_in_order() -> None:
    log: list[str] = []

    async def work(number: int) -> None:
        log.append(f"+{number}")
        await asyncio.sleep(0)
        log.append(f"-{number}")

    asyncio.run(together((work(number) for number in range(3)), most=1))
    assert log == ["+0", "-0", "+1", "-1", "+2", "-2"]


def test_the_first_error_ends_the_others_and_comes_by_itself() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append("waiting")
            raise

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("one")

    async def nested() -> None:
        await together([wait(), fail()])

    with pytest.raises(ValueError, match="one"):
        asyncio.run(together([wait(), nested()]))
    assert ended == ["waiting", "waiting"]


@pytest.mark.filterwarnings("error")
def test_what_never_had_its_turn_is_let_go() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    async def fail() -> None:
        raise ValueError("one")

    with pytest.raises(ValueError, match="one"):
        asyncio.run(together([fail(), *(wait() for _ in range(5))], most=1))
