"""`--watch`: look again whenever something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from kiribi.cli.output import screen
from kiribi.cli.session import run
from kiribi.manager import Kiribi

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")
LOOK_SECONDS = 1.0
"""The longest a view trusts the doorbell: ages move even if nothing else does."""
REST_SECONDS = 0.1
"""The least between two looks."""


def watch(
    database: str,
    look: Callable[[Kiribi], Awaitable[T]],
    tell: Callable[[T], None],
    draw: Callable[[T], RenderableType] | None = None,
    over: Callable[[T], bool] = lambda _: False,
) -> None:
    """Look until it is over or Ctrl-C: `tell` of each look, and `draw` it in place."""

    async def follow(kiribi: Kiribi) -> None:
        if draw is None:
            async for seen in _looks(kiribi, look, over):
                tell(seen)
            return
        from rich.live import Live

        with Live(console=screen(), auto_refresh=False) as live:
            async for seen in _looks(kiribi, look, over):
                tell(seen)
                live.update(draw(seen), refresh=True)

    with suppress(KeyboardInterrupt):
        run(follow, database)


async def _looks(
    kiribi: Kiribi, look: Callable[[Kiribi], Awaitable[T]], over: Callable[[T], bool]
) -> AsyncIterator[T]:
    while True:
        mark = kiribi.queue.mark()
        seen = await look(kiribi)
        yield seen
        if over(seen):
            return
        await asyncio.sleep(REST_SECONDS)
        await kiribi.queue.wait(mark, LOOK_SECONDS)
