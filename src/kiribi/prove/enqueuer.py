"""`python -m kiribi.prove.enqueuer NAME LIFE`: a process that enqueues until it is killed.

A job's token says what it is: `KIND.ARGUMENT.NAME-LIFE.NUMBER`. The argument is a key for kinds
that have one, the place in the chain, or else how often the job fails.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kiribi import Conflict, Job, JobNotFound, Kiribi, StoreError, Unique, new_id
from kiribi.prove.app import MAX_ATTEMPTS, SHORT_SECONDS
from kiribi.prove.journal import Journal
from kiribi.prove.plan import Plan

ENQUEUERS = 2
KEYS = 8
LINKS = 3
"""Jobs of a chain."""
BATCH = 20
KINDS = {"coroutine": 70, "thread": 12, "process": 3, "keyed": 5, "single": 10}
"""How likely each is."""
STYLES = {"one": 25, "many": 35, "crowd": 20, "chain": 8, "again": 7, "cancel": 5}
FAILING = 0.08
LONG_AT_A_TIME = 40
"""Jobs so long that their worker may lose its lease meanwhile: more would fill all slots."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A job to enqueue."""

    binding: str
    payload: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def token(self) -> str:
        """Of the job."""
        return self.payload["token"]


class Enqueuer:
    """Asks in every way there is, and notes down the answers."""

    def __init__(self, kiribi: Kiribi, plan: Plan, name: str) -> None:
        self._kiribi = kiribi
        self._plan = plan
        self._journal = Journal(plan)
        self._random = random.Random(f"{plan.seed} {name}")  # noqa: S311 - replayed by a seed
        self._name = name
        self._number = 0
        self._recent: deque[str] = deque(maxlen=200)
        self._long = LONG_AT_A_TIME / (plan.rate * plan.longest / 2)
        self._pause = ENQUEUERS / plan.rate

    async def run(self) -> None:
        """Enqueue until killed."""
        while not self._plan.abandoned:
            (style,) = self._random.choices(list(STYLES), list(STYLES.values()))
            before = self._number
            await getattr(self, f"_{style}")()
            await asyncio.sleep(self._pause * max(1, self._number - before))

    # Ways to ask

    async def _one(self) -> None:
        await self._enqueue(self._wish())

    async def _crowd(self) -> None:
        """Many callers at once."""
        await asyncio.gather(*map(self._enqueue, self._wishes()))

    async def _many(self) -> None:
        wishes = self._wishes()
        self._ask(wishes)
        asked = [(wish.binding, wish.payload, wish.options) for wish in wishes]
        try:
            jobs = await self._kiribi.enqueue_many(asked)
        except StoreError:
            self._refused(wishes)
        else:
            self._accepted(wishes, jobs)

    async def _chain(self) -> None:
        """Each runs after all before it."""
        self._number += 1
        before: list[Job] = []
        for link in range(LINKS):
            token = f"chained.{link}.{self._name}.{self._number}"
            options = {"after": list(before)} if before else {}
            job = await self._enqueue(Wish("CHAINED", self._payload(token), options))
            if job is None:
                return
            before.append(job)

    async def _again(self) -> None:
        """With an id of its own, until it is accepted, and once more."""
        wish = self._wish()
        if "unique" in wish.options:
            return
        wish.options["id"] = new_id()
        self._ask([wish])
        accepted = 0
        while accepted < 2:
            try:
                job = await self._kiribi.enqueue(wish.binding, wish.payload, **wish.options)
            except StoreError:
                await asyncio.sleep(self._pause)
                continue
            self._accepted([wish], [job])
            accepted += 1

    async def _cancel(self) -> None:
        if not self._recent:
            return
        id = self._random.choice(self._recent)
        self._journal.write(f"cancel {id}")
        try:
            await self._kiribi.cancel(id)
        except (Conflict, StoreError):
            return  # it had ended; or nobody knows
        except JobNotFound:
            return  # the account will say so

    # What is asked

    def _wishes(self) -> list[Wish]:
        return [self._wish() for _ in range(self._random.randint(2, BATCH))]

    def _wish(self) -> Wish:
        (kind,) = self._random.choices(list(KINDS), list(KINDS.values()))
        self._number += 1
        options: dict[str, Any] = {}
        if kind in ("keyed", "single"):
            argument = self._random.randrange(KEYS)
            option, key = ("concurrency_key", f"key {argument}"), Unique(key=f"key {argument}")
            options = dict([option]) if kind == "keyed" else {"unique": key}
        else:
            fails = self._random.random() < FAILING
            argument = self._random.randint(1, MAX_ATTEMPTS) if fails else 0
        if self._random.random() < 0.1:
            options["priority"] = self._random.randint(0, 9)
        token = f"{kind}.{argument}.{self._name}.{self._number}"
        payload = self._payload(token, kind not in ("keyed", "single"))
        if not options.keys() & {"concurrency_key", "unique"}:
            payload["failures"] = argument
        return Wish(kind.upper(), payload, options)

    def _payload(self, token: str, may_be_long: bool = False) -> dict[str, Any]:
        seconds = self._random.uniform(0, SHORT_SECONDS)
        if may_be_long and self._random.random() < self._long:
            seconds = self._random.uniform(0.2, self._plan.longest)
        return {"token": token, "seconds": round(seconds, 3)}

    # Asking

    async def _enqueue(self, wish: Wish) -> Job | None:
        self._ask([wish])
        try:
            job = await self._kiribi.enqueue(wish.binding, wish.payload, **wish.options)
        except StoreError:
            self._refused([wish])
            return None
        self._accepted([wish], [job])
        return job

    def _ask(self, wishes: Sequence[Wish]) -> None:
        self._journal.write(*(f"asked {wish.token}" for wish in wishes))

    def _refused(self, wishes: Sequence[Wish]) -> None:
        self._journal.write(*(f"refused {wish.token}" for wish in wishes))

    def _accepted(self, wishes: Sequence[Wish], jobs: Sequence[Job]) -> None:
        self._journal.write(
            *(
                f"{'found' if job.payload != wish.payload else 'accepted'} {wish.token} {job.id}"
                for wish, job in zip(wishes, jobs, strict=True)
            )
        )
        self._recent.extend(job.id for job in jobs)


async def main(name: str) -> None:
    """Enqueue until killed."""
    plan = Plan.of_this_process()
    async with Kiribi.connect(plan.database, performers=()) as kiribi:
        await Enqueuer(kiribi, plan, name).run()


if __name__ == "__main__":
    asyncio.run(main("-".join(sys.argv[1:])))
