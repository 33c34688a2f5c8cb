"""Calls made at the same time, carried out as one: sixty-four cost little more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from kiribi.errors import StoreError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """Calls `together` once for all that is asked within one turn of an event loop.

    `together` answers each item, in order, and changes nothing when it raises. Then each call is
    made again alone, so that only the guilty fails; unless the store failed, which all share.
    """

    def __init__(self, together: Callable[[Sequence[Asked]], Awaitable[list[Answer]]]) -> None:
        self._together = together
        self._turns: dict[asyncio.AbstractEventLoop, _Turn[Asked, Answer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """What `together` answers to `asked`."""
        loop = asyncio.get_running_loop()
        turn = self._turns.get(loop)
        if turn is None:
            turn = self._turns[loop] = []
            loop.call_soon(self._end_turn, loop)
        answer: asyncio.Future[list[Answer]] = loop.create_future()
        turn.append((asked, answer))
        return await answer

    def _end_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        task = loop.create_task(self._carry_out(self._turns.pop(loop)))
        # the loop itself keeps no task alive
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, turn: _Turn[Asked, Answer]) -> None:
        try:
            answers = await self._together([one for asked, _ in turn for one in asked])
        except asyncio.CancelledError:
            for _, answer in turn:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - goes to whoever asked for it
            if len(turn) > 1 and not isinstance(error, StoreError):
                for call in turn:
                    await self._carry_out([call])
                return
            for _, answer in turn:
                if not answer.done():
                    answer.set_exception(error)
            return
        at = 0
        for asked, answer in turn:
            if not answer.done():
                answer.set_result(answers[at : at + len(asked)])
            at += len(asked)


_Turn = list[tuple[Sequence[Asked], asyncio.Future[list[Answer]]]]
