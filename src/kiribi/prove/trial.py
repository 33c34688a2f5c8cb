"""One trial: enqueue and hurt for a while, let it come to rest, make the account."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from kiribi import Kiribi, ScheduleNotFound, StoreError
from kiribi.prove.account import Account
from kiribi.prove.audit import audit
from kiribi.prove.chaos import Chaos
from kiribi.prove.fleet import Fleet
from kiribi.prove.journal import Journal, Tail
from kiribi.prove.plan import Plan

LOOK_SECONDS = 0.2
"""How often somebody looks how far it is."""
SILENCE_SECONDS = 10.0
"""Beyond the longest job: nothing has begun or ended for so long that nothing will."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trial is.

    Attributes:
        doing: what is going on.
        seconds: of the time it is given, how much has passed.
        counts: lines of the journal by their first words.
        acts: what was done to the processes, how often.
    """

    doing: str
    seconds: float
    counts: Mapping[str, int]
    acts: Mapping[str, int]


class Trial:
    """Carries a plan out.

    Args:
        watch: called again and again with how far it is.
    """

    def __init__(self, plan: Plan, watch: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._watch = watch
        Journal(plan)  # it is there before somebody reads it
        self._tail = Tail(plan.journal)
        self._fleet = Fleet(plan)
        sever = self._sever if plan.name else None
        self._chaos = Chaos(self._fleet, plan, lambda: self._tail.counts["end"], sever)
        self._doing = ""
        self._began = time.monotonic()

    async def run(self) -> Account:
        """The account. However it ends, no process is left behind."""
        plan, acts = self._plan, self._chaos.acts
        account = Account(plan.seed, plan.seconds, plan.lease_ms, acts)
        async with Kiribi.connect(plan.database, performers=()) as kiribi:
            watching = asyncio.create_task(self._look())
            try:
                self._fleet.start()
                await self._rage()
                await self._settle(kiribi)
                self._doing = "comparing"
                await audit(kiribi, plan, account)
            finally:
                watching.cancel()
                self._fleet.close()
        self._processes(account)
        return account

    async def _rage(self) -> None:
        self._doing = "hurting"
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.seconds):
                await self._chaos.rage()

    async def _sever(self, share: float) -> int:
        from kiribi.stores._postgres_scratch import sever

        try:
            return await sever(self._plan.database, self._plan.name, share)
        except StoreError:
            return 0  # no room for one more connection: the next cut makes some

    async def _settle(self, kiribi: Kiribi) -> None:
        """Enqueue no more, and wait until every job has ended, or nothing happens any more."""
        self._doing = "coming to rest"
        for enqueuer in self._fleet.enqueuers:
            enqueuer.signal(signal.SIGKILL)
            enqueuer.wait(1)
        await self._stop_schedule(kiribi)
        silence = self._plan.longest + SILENCE_SECONDS
        heard, seen = time.monotonic(), 0
        while time.monotonic() < heard + silence and await self._open(kiribi):
            await asyncio.sleep(LOOK_SECONDS)
            self._fleet.tend(self._fleet.crews)
            if seen != (seen := self._tail.counts.total()):
                heard = time.monotonic()
        await asyncio.to_thread(self._fleet.end)

    async def _stop_schedule(self, kiribi: Kiribi) -> None:
        while True:
            try:
                await kiribi.schedules.pause("TICK")
            except ScheduleNotFound:
                return  # no worker ever came to declare it
            except StoreError:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def _open(self, kiribi: Kiribi) -> int:
        pulse = await kiribi.pulse()
        return sum(
            number
            for binding in pulse.bindings
            for status, number in binding.by_status.items()
            if not status.is_final
        )

    def _processes(self, account: Account) -> None:
        account.refused = self._fleet.refused()
        for what in self._fleet.wrong:
            account.found("process", what)

    async def _look(self) -> None:
        while True:
            self._tail.look()
            passed = min(time.monotonic() - self._began, self._plan.seconds)
            self._watch(Progress(self._doing, passed, self._tail.counts, self._chaos.acts))
            await asyncio.sleep(LOOK_SECONDS)
