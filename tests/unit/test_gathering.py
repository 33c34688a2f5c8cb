"""Calls that share one: each gets its own answers and its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kiribi.errors import StoreUnavailable
from kiribi.stores._gathering import Gathering


class Doubler:
    """Doubles numbers, and remembers how they came; a zero is refused."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.down = False

    async def __call__(self, asked: Sequence[int]) -> list[int]:
        self.calls.append(list(asked))
        await self.may_go_on.wait()
        if self.down:
            raise StoreUnavailable("the disk is full")
        if 0 in asked:
            raise ValueError("zero")
        return [2 * number for number in asked]


async def started(
    gathering: Gathering[int, int], *calls: list[int]
) -> list[asyncio.Task[list[int]]]:
    tasks = [asyncio.create_task(gathering(call)) for call in calls]
    await asyncio.sleep(0)  # all have called
    await asyncio.sleep(0)  # the first has seen whether it is alone
    return tasks


def test_who_comes_meanwhile_shares_the_next_call() -> None:
    async def run() -> None:
        double = Doubler()
        tasks = await started(Gathering(double, double), [1, 2], [3], [], [4, 5])
        assert double.calls == [[1, 2]]
        double.may_go_on.set()
        assert await asyncio.gather(*tasks) == [[2, 4], [6], [], [8, 10]]
        assert double.calls == [[1, 2], [3, 4, 5]]

    asyncio.run(run())


def test_lone_callers_go_alone() -> None:
    async def run() -> None:
        double = Doubler()
        double.may_go_on.set()
        gathering = Gathering(double, double)
        assert [await gathering([number]) for number in (1, 2)] == [[2], [4]]
        assert double.calls == [[1], [2]]
        assert gathering._waiting == {}

    asyncio.run(run())


def test_only_who_is_alone_takes_the_way_for_one() -> None:
    async def run() -> None:
        together, alone = Doubler(), Doubler()
        together.may_go_on.set()
        alone.may_go_on.set()
        gathering = Gathering(together, alone)
        await asyncio.gather(*(gathering([number]) for number in (1, 2)))
        await gathering([3])
        assert (together.calls, alone.calls) == ([[1], [2]], [[3]])

    asyncio.run(run())


def test_only_the_guilty_fails() -> None:
    async def run() -> None:
        double = Doubler()
        tasks = await started(Gathering(double, double), [1], [2], [0], [3])
        double.may_go_on.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[:2] + answers[3:] == [[2], [4], [6]]
        assert isinstance(answers[2], ValueError)

    asyncio.run(run())


def test_a_failing_store_fails_all_without_asking_it_again() -> None:
    async def run() -> None:
        double = Doubler()
        double.down = True
        gathering = Gathering(double, double)
        tasks = await started(gathering, [1], [2], [3])
        double.may_go_on.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
        assert double.calls == [[1], [2, 3]]
        double.down = False
        assert await gathering([4]) == [8]

    asyncio.run(run())


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_who_gives_up_holds_nobody_up(gone: int) -> None:
    async def run() -> None:
        double = Doubler()
        tasks = await started(Gathering(double, double), [1], [2], [3])
        tasks[gone].cancel()
        await asyncio.sleep(0)
        double.may_go_on.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers.pop(gone), asyncio.CancelledError)
        assert answers == [[2 * n] for n in (1, 2, 3) if n != gone + 1]

    asyncio.run(run())
