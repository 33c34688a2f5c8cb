"""Calls made while one is under way share the next: sixty-four cost little more than two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from kiribi.errors import StoreError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
LONELY = 0.001
"""Seconds for which a caller that nobody joined goes on without asking: asking costs a turn."""
Call = Callable[[Sequence[Asked]], Awaitable[list[Answer]]]


class Gathering(Generic[Asked, Answer]):
    """Calls `alone` for a lone caller, else `together` once for all who come meanwhile.

    Both answer each item, in order, and change nothing when they raise. Then each call is made
    again by itself, so that only the guilty fails; unless the store failed, which all share.
    """

    def __init__(self, together: Call[Asked, Answer], alone: Call[Asked, Answer]) -> None:
        self._together = together
        self._alone = alone
        self._waiting: dict[asyncio.AbstractEventLoop, _Calls[Asked, Answer]] = {}
        self._lonely_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """What `together` answers to `asked`."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(loop)
        if waiting is None:
            self._waiting[loop] = []
            try:
                if loop.time() >= self._lonely_until:
                    await asyncio.sleep(0)  # whoever is ready to call as well, comes now
                    if self._waiting[loop]:
                        return await self._together(asked)
                    self._lonely_until = loop.time() + LONELY
                return await self._alone(asked)
            finally:
                self._go_on(loop)
        answer: asyncio.Future[list[Answer]] = loop.create_future()
        waiting.append((asked, answer))
        return await answer

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        calls = self._waiting.pop(loop)
        if not calls:
            return
        self._waiting[loop] = []
        task = loop.create_task(self._carry_out(calls))
        # the loop itself keeps no task alive
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._go_on(loop))

    async def _carry_out(self, calls: _Calls[Asked, Answer]) -> None:
        try:
            answers = await self._together([one for asked, _ in calls for one in asked])
        except asyncio.CancelledError:
            for _, answer in calls:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - goes to whoever asked for it
            if len(calls) > 1 and not isinstance(error, StoreError):
                for call in calls:
                    await self._carry_out([call])
                return
            for _, answer in calls:
                if not answer.done():
                    answer.set_exception(error)
            return
        at = 0
        for asked, answer in calls:
            if not answer.done():
                answer.set_result(answers[at : at + len(asked)])
            at += len(asked)


_Calls = list[tuple[Sequence[Asked], asyncio.Future[list[Answer]]]]
