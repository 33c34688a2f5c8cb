"""Of many who would do what all do, one does."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.conformance.world import Clock
from tests.postgres.server import emptied

from kiribi.ports import Store
from kiribi.stores import open_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_one_of_many_takes_a_turn(postgres_url: str, clock: Clock) -> None:
    await emptied(postgres_url)
    async with AsyncExitStack() as stack:
        stores: list[Store] = []
        for _ in range(10):
            store, queue = await open_store(postgres_url, clock=clock)
            stack.push_async_callback(store.close)
            stack.push_async_callback(queue.close)
            stores.append(store)

        async def turns(seconds: float = 5) -> int:
            for store in stores:
                store.__dict__.pop("_left_to_others", None)  # each asks
            return sum(await asyncio.gather(*(one.take_turn("tick", seconds) for one in stores)))

        clock.advance(10_000)
        assert await turns() == 1
        assert await turns() == 0
        clock.advance(4_000)
        assert await turns() == 0
        clock.advance(1_001)
        assert await turns() == 1
        assert await stores[0].take_turn("fire", 5), "another turn"
        clock.advance(-3_600_000)
        assert await turns() == 1, "the clock was set back"
        assert await turns() == 0


async def test_whom_somebody_was_before_does_not_ask_each_time(postgres_url: str) -> None:
    await emptied(postgres_url)
    clock = Clock()
    one, bell = await open_store(postgres_url, clock=clock)
    other, ring = await open_store(postgres_url, clock=clock)
    clock.advance(20_000_000)
    assert await one.take_turn("tick", 0.05)
    assert not await other.take_turn("tick", 0.05)
    clock.advance(60_000)
    assert not await other.take_turn("tick", 0.05), "it has not asked"
    assert await one.take_turn("tick", 0.05), "who has had it, asks"
    clock.advance(60_000)
    asked = 0
    async with asyncio.timeout(20):
        while not await other.take_turn("tick", 0.05):
            asked += 1
            await asyncio.sleep(0.01)
    assert asked < 100
    for each in (bell, ring, one, other):
        await each.close()
