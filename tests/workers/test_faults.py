"""D1 errors at every statement of every batch: each operation ends as if there had been none.

A request fails before its first statement, then after the first, and so on, and last after all of
them: then the batch is carried out, and its answer lost. The error in the middle is D1's own, a
statement that cannot be carried out: D1 undoes what came before it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import closing
from typing import Any, ClassVar

import pytest
from tests.workers.d1 import NUMBER, HttpDatabase, d1_worker, databases
from tests.workers.require import require

from kiribi import Cron, Every, Job, Kiribi, Performer, Schedule, Snooze
from kiribi.errors import Duplicate, StoreUnavailable
from kiribi.executors.coroutine import CoroutineExecutor
from kiribi.job import new_id
from kiribi.ports import WorkerInfo
from kiribi.queues.cloudflare import CloudflareQueue
from kiribi.runtimes.invocation import Invocation
from kiribi.search import Count
from kiribi.stores import d1
from kiribi.stores._rows import Row
from kiribi.stores._search import Params
from kiribi.stores.d1 import D1Error, D1Store

START = 1_900_000_000_000
LEASE = 60.0
ROUNDS = 2
"""Ticks after which nothing is left to be done."""
ID = "01ba60d3-3800-7abc-89f5-627206c8b2e0"
CLAIM = 6
"""Statements of the batch by which an invocation takes jobs."""
BROKEN = ("SELECT json('{')", ())
LOST = "D1_ERROR: Network connection lost."
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BIG = "x" * 2000


class Echo(Performer):
    async def perform(self, payload: Any) -> Any:
        return payload


class Flaky(Performer):
    max_attempts = 2
    retry_delay = 0

    async def perform(self, payload: str) -> int:
        if self.job.attempts == 1:
            raise ValueError(payload)
        return self.job.attempts


class Fails(Performer):
    max_attempts = 1

    async def perform(self, payload: str) -> None:
        raise LookupError(payload)


class Snoozes(Performer):
    async def perform(self, payload: str) -> None:
        if self.job.attempts == 1:
            raise Snooze(1)


class Steps(Performer):
    async def perform(self, payload: str) -> Any:
        self.log("begun")
        self.progress(0.5, "half")
        return await self.once("step", lambda key: payload)


class Few(Performer):
    concurrency = 2

    async def perform(self, payload: str) -> None: ...


class Yearly(Performer):
    schedule = Schedule(Cron("0 9 1 1 *", tz="Asia/Tokyo"), "new year")

    async def perform(self, payload: str) -> None: ...


class Default(Kiribi):
    retention: ClassVar[Any] = {"COMPLETED": 3600}


class Faulty:
    """A database of which one request goes wrong, in every way. `at`: which."""

    def __init__(self, database: HttpDatabase) -> None:
        self._database = database
        self.at: int | None = None
        self.requests = 0
        self.failed = 0
        self._failing: list[Params] | None = None

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        asked = [params for _, params in statements]
        if asked != self._failing:
            if self.requests == self.at:
                self._failing = asked
            self.requests += 1
        if asked != self._failing or self.failed > len(statements):
            return await self._database.batch(statements)
        done = list(statements[: self.failed])
        self.failed += 1
        if len(done) == len(statements):
            await self._database.batch(done)
        else:
            with pytest.raises(D1Error, match="malformed JSON"):
                await self._database.batch([*done, BROKEN])
        raise D1Error(LOST)


class World:
    """A manager on D1, by a clock of its own."""

    def __init__(self, database: HttpDatabase) -> None:
        self.now = START
        self.faulty = Faulty(database)
        self.store = D1Store(self.faulty, clock=lambda: self.now)
        self.kiribi = Default(None, {})
        self.kiribi.bind(
            self.store,
            CloudflareQueue(_silent),
            [Echo, Flaky, Fails, Snoozes, Steps, Few, Yearly],
        )

    async def work(self) -> int:
        """One invocation; how many jobs it ran."""
        visit = Invocation(self.kiribi, self.store, lambda _: CoroutineExecutor(), LEASE)
        return await visit.run(100)

    async def rest(self) -> None:
        """Whatever anybody left undone is done by ticks, and by the rings they cause."""
        for _ in range(ROUNDS):
            self.now += 2 * round(LEASE * 1000)
            await self.kiribi.tick()
            while await self.work():
                pass


async def _silent(_: object) -> None: ...


Operation = Callable[[World], Awaitable[Any]]
OPERATIONS: dict[str, tuple[Operation | None, Operation]] = {}
"""What comes before, without errors, and the operation; what it answers."""


def operation(before: Operation | None = None) -> Callable[[Operation], Operation]:
    def add(act: Operation) -> Operation:
        OPERATIONS[act.__name__] = (before, act)
        return act

    return add


def told(*jobs: Job) -> list[tuple[Any, ...]]:
    return [(job.binding, job.payload, job.status, job.attempts) for job in jobs]


async def known(world: World) -> None:
    """Bindings that are known, with jobs that have ended."""
    await world.kiribi.register(sorted(world.kiribi.performers))
    await world.kiribi.enqueue_many([("ECHO", "first"), ("FAILS", "second")])
    await world.work()


async def backlog(world: World) -> None:
    """Jobs of all kinds, due."""
    await known(world)
    await world.kiribi.enqueue_many(
        [
            *[("ECHO", i) for i in range(3)],
            ("ECHO", BIG),
            *[("FLAKY", f"flaky {i}") for i in range(2)],
            *[("FAILS", f"fails {i}") for i in range(2)],
            ("SNOOZES", "snoozes"),
            ("STEPS", "steps"),
            *[("FEW", f"few {i}") for i in range(3)],
        ]
    )


async def waiting(world: World) -> None:
    """Jobs that wait long, and those that wait for them."""
    await known(world)
    jobs = await world.kiribi.enqueue_many(
        [("ECHO", {"n": i, "later": True}, {"first_delay": 9000}) for i in range(3)]
    )
    await world.kiribi.enqueue("ECHO", "after", after=[jobs[0].id])


async def lost(world: World) -> None:
    """An invocation that took jobs and was killed."""
    await backlog(world)
    worker = WorkerInfo(new_id(), bindings=tuple(world.kiribi.performers))
    assert len(await world.store.visit(worker, 1000, 6)) == 6
    world.now += 2000


async def scheduled(world: World) -> None:
    """Schedules that are due, one of them with a job under way."""
    await known(world)
    await world.kiribi.schedules.create("often", "ECHO", Schedule(Every(600), "often"))
    alone = Schedule(Every(600), "alone", overlap=False)
    await world.kiribi.schedules.create("alone", "FEW", alone)
    world.now += 1_300_000


async def old(world: World) -> None:
    """Statistics to merge, jobs to prune."""
    await backlog(world)
    await world.rest()
    world.now += 3 * 86_400_000


async def ids(world: World, **filter: Any) -> list[str]:
    found = await world.kiribi.find_many(filter, limit=1000)
    return sorted(job.id for job in found.jobs)


@operation()
async def enqueue_the_first(world: World) -> Any:
    return told(await world.kiribi.enqueue("ECHO", "a", first_delay=5))


@operation(known)
async def enqueue_one(world: World) -> Any:
    return told(await world.kiribi.enqueue("ECHO", "a"))


@operation(known)
async def enqueue_many(world: World) -> Any:
    asked = [("ECHO", "a", {"id": ID}), ("FLAKY", "b", {"priority": 3}), ("ECHO", BIG)]
    return told(*await world.kiribi.enqueue_many(asked))


@operation(known)
async def enqueue_again(world: World) -> Any:
    first = await world.kiribi.enqueue("ECHO", "a", id=ID)
    return told(first, await world.kiribi.enqueue("ECHO", "a", id=ID))


@operation(known)
async def enqueue_unique(world: World) -> Any:
    asked = [("ECHO", "a", {"unique": True}), ("ECHO", "b", {"unique": {"key": "k"}})]
    first = await world.kiribi.enqueue_many(asked)
    again = await world.kiribi.enqueue("ECHO", "a", unique=True)
    replaced = await world.kiribi.enqueue(
        "ECHO", "c", unique={"key": "k", "on_conflict": "replace"}
    )
    with pytest.raises(Duplicate):
        await world.kiribi.enqueue("ECHO", "d", unique={"key": "k", "on_conflict": "raise"})
    return told(*first, again, replaced)


@operation(waiting)
async def enqueue_after(world: World) -> Any:
    (first, *_) = await ids(world, binding="ECHO", status="COMPLETED")
    asked = [("ECHO", "b"), ("FAILS", "c")]
    batch = await world.kiribi.enqueue_batch(asked, ("ECHO", "then"))
    return [*told(await world.kiribi.enqueue("ECHO", "a", after=[first])), batch.total]


@operation(backlog)
async def claim_perform_settle(world: World) -> Any:
    return await world.work()


@operation(lost)
async def rescue(world: World) -> Any:
    await world.kiribi.tick()


@operation(waiting)
async def cancel(world: World) -> Any:
    first, *rest = await ids(world, status="PENDING", payload={"later": True})
    one = await world.kiribi.cancel(first)
    return [*told(one), len((await world.kiribi.cancel(rest)).done)]


@operation(backlog)
async def cancel_running(world: World) -> Any:
    worker = WorkerInfo(new_id(), bindings=tuple(world.kiribi.performers))
    jobs = await world.store.visit(worker, 60_000, 3)
    return told(await world.kiribi.cancel(jobs[0].id))


@operation(waiting)
async def run_now(world: World) -> Any:
    found = await ids(world, status="PENDING")
    return [len((await world.kiribi.run_now(found)).done), await world.work()]


@operation(known)
async def retry(world: World) -> Any:
    (failed,) = await ids(world, status="FAILED")
    again = await world.kiribi.retry(failed)
    return [*told(again), await world.work()]


@operation(waiting)
async def delete(world: World) -> Any:
    return len((await world.kiribi.delete(await ids(world))).done)


@operation(backlog)
async def pause_and_limit(world: World) -> Any:
    await world.kiribi.pause("ECHO")
    await world.kiribi.limit("FLAKY", concurrency=1)
    await world.work()
    await world.kiribi.resume("ECHO")
    await world.kiribi.reset_limits("FLAKY")
    await world.work()


@operation(known)
async def schedule(world: World) -> Any:
    schedules = world.kiribi.schedules
    made = await schedules.create("often", "ECHO", Schedule(Every(600), "often"))
    await schedules.pause("often")
    await schedules.edit("often", Schedule(Every(900), "seldom"))
    resumed = await schedules.resume("often")
    job = await schedules.run_now("often")
    await schedules.create("gone", "ECHO", Every(60))
    await schedules.delete("gone")
    return [made.name, resumed.next_ms, *told(job)]


@operation(scheduled)
async def fire_schedules(world: World) -> Any:
    await world.kiribi.tick()


@operation(backlog)
async def bulk_action(world: World) -> Any:
    action = await world.kiribi.start_action("cancel", {"binding": ["ECHO", "FEW"]}, who="ada")
    await world.kiribi.tick()
    await world.kiribi.tick()
    return action.kind


@operation(old)
async def keep_house(world: World) -> Any:
    await world.kiribi.tick()


# What is stored in the end

TABLES = """SELECT name, (
  SELECT json_group_array(part.name) FROM pragma_table_info(sqlite_schema.name) AS part
) AS parts FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT IN ('stat', 'lane', 'meta')"""
PASSING = re.compile(r".*(_ms|_until|_us|_buckets)|rank|due|turn|token|seq|step|before|history")
"""Columns that tell when, or in how many tries, something was done."""
IDS = """SELECT id, binding,
coalesce(payload, (SELECT body FROM payload WHERE job_id = id)) AS payload FROM job"""
HISTORY = """SELECT job.id, attempts, status, one.value ->> 0 AS number, one.value ->> 1 AS outcome,
one.value ->> '$[5][0]' AS type FROM job LEFT JOIN json_each(history) AS one"""
COUNTED = ("pending", "processing", "retry_pending", "completed", "failed", "cancelled")
TALLIED = (
    *("enqueued", "completions", "failures", "retries", "cancellations", "crashes"),
    *("waits", "runs"),
)
SUMS = [f"sum(iif(span_ms <= 60000, {name}, 0)) AS {name}" for name in COUNTED]
SUMS += [f"sum(iif(span_ms > 0, {name}, 0)) AS {name}" for name in TALLIED]
STATS = f"""SELECT binding, {", ".join(SUMS)}
FROM stat GROUP BY binding"""


async def stored(database: HttpDatabase) -> dict[str, Any]:
    """Everything that is stored but times, jobs called by what they are about."""
    tables, ids, history, stats = await database.batch(
        [(sql, ()) for sql in (TABLES, IDS, HISTORY, STATS)]
    )
    called = {id: f"{binding} {payload[:20]}".replace('"', "") for id, binding, payload in ids}
    columns = {
        name: [column for column in json.loads(all_) if not PASSING.fullmatch(column)]
        for name, all_ in tables
    }
    rows = await database.batch(
        [(f"SELECT {', '.join(some)} FROM {name}", ()) for name, some in columns.items()]
    )
    everything = dict(zip(columns, rows, strict=True))
    text = json.dumps({**everything, "history": history, "stats": stats})
    for id, name in called.items():
        text = text.replace(id, name)
    whole = json.loads(UUID.sub("somebody", text))
    return {name: sorted(map(repr, rows)) for name, rows in whole.items()}


async def accounted_for(database: HttpDatabase) -> None:
    """One outcome for each attempt, none missing; the statistics are those of the jobs."""
    history, stats = await database.batch([(HISTORY, ()), (STATS, ())])
    outcomes: dict[str, list[int]] = {}
    for id, _, _, number, _, _ in history:
        outcomes.setdefault(id, []).extend([] if number is None else [number])
    attempts = {id: (number, status) for id, number, status, *_ in history}
    for id, numbers in outcomes.items():
        number, status = attempts[id]
        assert numbers == list(range(1, number + 1)), (id, status, numbers)
    now = Counter(status for _, status in attempts.values())
    for status, at in zip(COUNTED, range(1, 7), strict=True):
        assert sum(row[at] for row in stats) == now[status.upper()], (status, stats)


async def run(database: HttpDatabase, name: str, at: int | None) -> tuple[Any, Any, int]:
    """What the operation answered, what it left, and the requests it took; one fails."""
    await database.fresh()
    world = World(database)
    before, act = OPERATIONS[name]
    if before:
        await before(world)
    world.faulty.requests = 0
    world.faulty.at = at
    answer = await act(world)
    number = world.faulty.requests
    assert at is None or world.faulty.failed > 1
    world.faulty.at = None
    await world.rest()
    await accounted_for(database)
    return answer, await stored(database), number


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Generator[Generator[HttpDatabase]]:
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
    ):
        yield several


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_at_every_statement(
    several: Generator[HttpDatabase], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(d1, "FIRST_PAUSE", 0.0)

    monkeypatch.setattr(d1, "TRIES", 50)

    async def each_in_turn() -> None:
        answer, left, number = await run(next(several), name, None)
        assert number
        turns = iter(range(number))

        async def take_turns(database: HttpDatabase) -> None:
            for at in turns:
                answered, leaves, _ = await run(database, name, at)
                assert answered == answer, at
                assert leaves == left, at

        await asyncio.gather(*[take_turns(next(several)) for _ in range(NUMBER)])

    asyncio.run(each_in_turn())


def test_a_claim_that_stays_unanswered_is_given_back(
    several: Generator[HttpDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(d1, "TRIES", 1)

    async def claim() -> None:
        database = next(several)
        await database.fresh()
        world = World(database)
        await backlog(world)
        world.faulty.at, world.faulty.failed = world.faulty.requests, CLAIM
        with pytest.raises(StoreUnavailable):
            await world.work()
        assert await world.kiribi.count({"status": "PROCESSING"}) == Count(0)
        assert await world.store.workers() == []
        found = await world.kiribi.find_many({"status": "PENDING"}, limit=100)
        assert {job.attempts for job in found.jobs if job.binding != "FEW"} == {1}
        await world.rest()
        await accounted_for(database)
        crashed = [row for row in (await database.batch([(HISTORY, ())]))[0] if "crashed" in row]
        assert crashed == []

    asyncio.run(claim())
