"""The supervisor: a process without user code that keeps worker children and their leases.

It renews their leases, whatever they do; settles the jobs of those that die, at once; replaces
them; and keeps house in the store. A child that may have lost its lease is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, Self

from kiribi._housekeeping import TICK_SECONDS, Housekeeping
from kiribi._lease import BEAT_SECONDS, LEASE_MS
from kiribi._recurring import keep_firing
from kiribi.errors import InvalidInput, StoreError
from kiribi.ports import Retention
from kiribi.runtimes.leases import Leases
from kiribi.runtimes.logs import log_to_stderr
from kiribi.runtimes.member import Member, NotStarted, Orders
from kiribi.runtimes.worker import CONCURRENCY, GRACE_SECONDS, STOP_SECONDS
from kiribi.stores import open_store

logger = logging.getLogger("kiribi")

START_PAUSES = (0, 1, 2, 4, 8)
"""Seconds before each try to replace a child that died; then it is given up."""
LAST_SECONDS = 2.0
"""What a child that was asked to stop gets beyond its own limits before it is killed."""


class Supervisor:
    """Worker processes of one application; an async context manager.

    Args:
        source: APP: a file or a module, and by `:Name` the manager's class.
        database: a database URL; by default KIRIBI_DATABASE_URL, then `sqlite:///kiribi.db`.
        processes: how many children.
        concurrency: coroutines at a time in each.
        bindings: serve only these.
        lease_ms, beat: milliseconds a lease lasts, seconds between renewals.

    Raises:
        InvalidInput: processes or concurrency below 1.
    """

    def __init__(
        self,
        source: str,
        database: str | None = None,
        *,
        processes: int = 1,
        concurrency: int = CONCURRENCY,
        bindings: Sequence[str] | None = None,
        lease_ms: int = LEASE_MS,
        beat: float = BEAT_SECONDS,
    ) -> None:
        for name, value in (("processes", processes), ("concurrency", concurrency)):
            if value < 1:
                raise InvalidInput(name, value, "give a whole number from 1")
        url = database or os.environ.get("KIRIBI_DATABASE_URL") or "sqlite:///kiribi.db"
        self._orders = Orders(source, url, concurrency, tuple(bindings) if bindings else None)
        self._processes = processes
        self._lease_ms = lease_ms
        self._beat = beat
        self._members: dict[Member, asyncio.Task[str]] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._retention: Retention | None = None

    def __str__(self) -> str:
        several = "" if self._processes == 1 else "es"
        return f"{self._processes} process{several} for {self._orders.source} on {self._store.url}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self, grace: float = GRACE_SECONDS) -> None:
        """Open the store and start the children; on return they work.

        Args:
            grace: seconds for the work of children that have begun, if others can't start or
                the call is cancelled.

        Raises:
            NotStarted: the application cannot be loaded or served; says why.
            StoreError: the database cannot be used.
        """
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store, self._bell = await open_store(self._orders.database)
        self._housekeeping = Housekeeping(self._store, self._bell)
        self._leases = Leases(self._store, self._members.keys(), self._lease_ms, self._beat)
        firing = keep_firing(self._store, self._bell)
        loops = (self._leases.keep(), self._leases.guard(), self._ticks(), firing)
        self._loops = [self._task(loop) for loop in loops]
        try:
            await self._launch(grace)
        except BaseException:
            await self._close()
            raise

    async def restart(self, grace: float = GRACE_SECONDS) -> None:
        """Replace the children by new ones, which import the application anew.

        The old ones work on until the new ones do, then stop as in `stop`.

        Raises:
            NotStarted: the application cannot be loaded now; the old children work on.
        """
        keepers = list(self._keepers)
        fresh = await self._launch(grace)
        for keeper in keepers:
            keeper.cancel()
        if self._failed.done():
            self._failed = asyncio.get_running_loop().create_future()
        await self._end([member for member in self._members if member not in fresh], grace)

    async def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Claim no more, let work finish within `grace` seconds, end the rest and hand it back.

        On return all children are dead and their jobs settled; nothing was spent.
        """
        for keeper in self._keepers:
            keeper.cancel()
        await self._end(list(self._members), grace)
        await self._close()

    def kill(self) -> None:
        """Cut a `stop` short: the children die now, their jobs are handed back all the same."""
        for member in self._members:
            member.kill()

    async def wait(self) -> None:
        """Wait until it cannot go on.

        Raises:
            NotStarted: children die at their start, again and again.
        """
        await asyncio.shield(self._failed)

    # Children

    def _begin(self) -> Member:
        member = Member(self._store, self._bell, self._orders, self._lease_ms)
        self._members[member] = asyncio.create_task(member.run())
        return member

    async def _launch(self, grace: float) -> Collection[Member]:
        fresh = [self._begin() for _ in range(self._processes)]
        try:
            for member in fresh:
                await asyncio.shield(member.ready)
        except BaseException:
            await self._end(fresh, grace)
            raise
        self._retention = fresh[0].retention
        for member in fresh:
            keeper = self._task(self._keep(member))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        return fresh

    async def _keep(self, member: Member) -> None:
        """Put a new child in the place of one that died."""
        while True:
            how = await self._gone(member)
            if member.asked:
                return
            logger.error("a worker process ended (%s): starting another", how)
            for pause in START_PAUSES:
                await asyncio.sleep(pause)
                member = self._begin()
                try:
                    await asyncio.shield(member.ready)
                    break
                except NotStarted as error:
                    logger.error("%s", error)  # noqa: TRY400 - it is told in full
                    await self._gone(member)
            else:
                raise NotStarted(f"{len(START_PAUSES)} worker processes died as they started")

    async def _gone(self, member: Member) -> str:
        task = self._members[member]
        await asyncio.wait([task])
        self._members.pop(member, None)
        return task.result()

    async def _end(self, members: Sequence[Member], grace: float) -> None:
        for member in members:
            member.stop(grace)
        tasks = [self._members[member] for member in members if member in self._members]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=grace + STOP_SECONDS + LAST_SECONDS)
        for member in members:
            member.kill()
        _, unsettled = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in unsettled:
            logger.error("jobs could not be handed back: they count as crashed")
            task.cancel()
        for member in members:
            self._members.pop(member, None)

    async def _close(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.wait(self._loops)
        await self._bell.close()
        await self._store.close()

    # The store

    async def _ticks(self) -> None:
        pause = min(TICK_SECONDS, self._beat)
        while True:
            await asyncio.sleep(pause)
            if self._leases.overslept:
                # Our own workers must not be the first to be buried.
                await self._leases.renew()
            try:
                if await self._housekeeping.its_turn(pause):
                    await self._housekeeping.tick(self._retention, patience=pause)
            except StoreError as error:
                logger.warning("housekeeping has to wait: %s", error)

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task without which the supervisor cannot go on."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._fail)
        return task

    def _fail(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # somebody may wait for it, or nobody


def run(
    source: str,
    database: str | None = None,
    *,
    processes: int = 1,
    concurrency: int = CONCURRENCY,
    bindings: Sequence[str] | None = None,
    grace: float = GRACE_SECONDS,
    lease_ms: int = LEASE_MS,
    beat: float = BEAT_SECONDS,
) -> int:
    """Supervise workers until SIGTERM or SIGINT, a second of which ends at once; an exit code.

    Args: as of `Supervisor`; grace: seconds that running work may take to finish.

    Raises:
        InvalidInput, NotStarted, StoreError: it cannot start, or not go on.
    """
    log_to_stderr()
    supervisor = Supervisor(
        source,
        database,
        processes=processes,
        concurrency=concurrency,
        bindings=bindings,
        lease_ms=lease_ms,
        beat=beat,
    )
    return asyncio.run(_until_signalled(supervisor, grace))


async def _until_signalled(supervisor: Supervisor, grace: float) -> int:
    work = asyncio.ensure_future(_work(supervisor, grace))
    heard: list[signal.Signals] = []

    def hear(number: signal.Signals) -> None:
        heard.append(number)
        if len(heard) > 1:
            supervisor.kill()
        else:
            logger.info("stopping: jobs have %g s to finish; a second signal ends them", grace)
            work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hear, number)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()
    return 128 + heard[1] if len(heard) > 1 else 0


async def _work(supervisor: Supervisor, grace: float) -> None:
    await supervisor.start(grace)
    logger.info("working: %s", supervisor)
    try:
        await supervisor.wait()
    finally:
        await supervisor.stop(grace)
