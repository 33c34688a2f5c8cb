"""What D1 asks of its store beyond the suite of all stores: lost answers, limits, cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

import pytest
from tests.workers.d1 import HttpDatabase, d1_worker, databases
from tests.workers.require import require

from kiribi import JobStatus, lifecycle, new_id
from kiribi.errors import SchemaMismatch, StoreUnavailable
from kiribi.job import JobError
from kiribi.ports import LogLine, NewJob, Retention, WorkerInfo
from kiribi.stores import d1
from kiribi.stores._rows import Row, total
from kiribi.stores._search import Params
from kiribi.stores.d1 import D1Error, D1Store

NUMBER = 100
BINDINGS = 2
FREE_STATEMENTS = 50
"""D1 statements of one invocation on the Free plan."""
PASSING = (
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: D1 DB reset because its code was updated.",
    "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
    "something that nobody has seen yet",
)
"""What D1 says, and what is then worth another try."""
T = TypeVar("T")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Generator[Generator[HttpDatabase]]:
    require()
    with (
        d1_worker(tmp_path_factory.mktemp("d1")) as running,
        closing(databases(running)) as several,
    ):
        yield several


@pytest.fixture
def database(several: Generator[HttpDatabase]) -> HttpDatabase:
    database = next(several)
    asyncio.run(database.fresh())
    return database


class Unreliable:
    """Fails every batch once: before it is carried out, or after, so that its answer is lost."""

    def __init__(self, database: HttpDatabase, *, after: bool, says: str) -> None:
        self._database = database
        self._after = after
        self._says = says
        self._failed: set[str] = set()

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        key = repr(statements)
        if key in self._failed:
            return await self._database.batch(statements)
        self._failed.add(key)
        if self._after:
            await self._database.batch(statements)
        raise D1Error(self._says)


@pytest.mark.parametrize("after", [False, True], ids=["not done", "answer lost"])
@pytest.mark.parametrize("says", PASSING)
def test_a_batch_that_fails_is_carried_out_once(
    database: HttpDatabase, monkeypatch: pytest.MonkeyPatch, after: bool, says: str
) -> None:
    monkeypatch.setattr(d1, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(d1, "FIRST_PAUSE_OVERLOADED", 0.0)

    async def run() -> None:
        store = D1Store(Unreliable(database, after=after, says=says))
        asked = [NewJob(new_id(), "A", str(i)) for i in range(4)]
        assert [job.id for job in await store.insert(asked)] == [job.id for job in asked]
        await store.enlist(WorkerInfo("w", bindings=("A",)), 60_000)
        jobs = await store.claim("w", ["A"], 3)
        assert [(job.id, job.attempts) for job in jobs] == [(job.id, 1) for job in asked[:3]]
        done, failed, later = jobs
        changes = [
            lifecycle.complete(done, {"n": 1}),
            lifecycle.fail(failed, JobError("ValueError", "no"), max_attempts=3, delay=60),
            lifecycle.snooze(later, 60, "later"),
        ]
        assert await store.apply(changes) == [True] * 3
        late = lifecycle.fail(done, JobError("Late", ""), max_attempts=3, delay=0)
        assert await store.apply([late]) == [False], "another outcome of that attempt"
        assert await store.apply([lifecycle.cancel((await store.find([asked[3].id]))[0])]) == [True]
        assert await store.delete([asked[3].id]) == [asked[3].id]
        assert await store.prune(Retention({JobStatus.COMPLETED: -1}), 100) in (0, 1)
        counted = (await store.pulse()).bindings
        assert total(counted, [JobStatus.PENDING, JobStatus.RETRY_PENDING]) == 2
        assert total(counted, [JobStatus.PROCESSING, JobStatus.CANCELLED]) == 0
        (tally,) = await store.stats(since_ms=0)
        assert (tally.enqueued, tally.completed, tally.failed, tally.cancelled) == (4, 1, 1, 1)

    asyncio.run(run())


def test_what_stays_wrong_is_said_in_the_end(
    database: HttpDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(d1, "FIRST_PAUSE", 0.0)

    class Gone:
        tries = 0

        async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
            self.tries += 1
            raise D1Error("Network connection lost.")

    async def run() -> None:
        gone = Gone()
        with pytest.raises(StoreUnavailable, match="Network connection lost"):
            await D1Store(gone).now_ms()
        assert gone.tries == d1.TRIES

    asyncio.run(run())


def test_a_statement_that_is_wrong_is_not_tried_again(database: HttpDatabase) -> None:
    async def run() -> None:
        store = D1Store(database)
        await database.batch([("ALTER TABLE log ADD COLUMN more TEXT NOT NULL DEFAULT 'x'", ())])
        await database.batch([("CREATE UNIQUE INDEX one ON log (more)", ())])
        (job,) = await store.insert([NewJob(new_id(), "A", "1")])
        lines = [LogLine(job.id, 1, 0, "info", text) for text in ("a", "b")]
        trips = database.trips
        with pytest.raises(StoreUnavailable, match="SQLITE_CONSTRAINT"):
            await store.log(lines)
        assert database.trips == trips + 1

    asyncio.run(run())


def test_a_missing_schema_names_the_command(database: HttpDatabase) -> None:
    async def run() -> None:
        await database.batch([("DROP TABLE log", ())])
        with pytest.raises(SchemaMismatch, match="wrangler d1 migrations apply"):
            await D1Store(database).logs("x")
        assert await D1Store(database).migrate() == 0
        await database.batch([("UPDATE meta SET value = '99' WHERE key = 'schema_version'", ())])
        with pytest.raises(SchemaMismatch, match="upgrade Kiribi"):
            await D1Store(database).migrate()

    asyncio.run(run())


def test_parameters_longer_than_d1_takes_are_split(database: HttpDatabase) -> None:
    async def run() -> None:
        store = D1Store(database)
        # every character is escaped in the parameter: the worst case
        payload = '"' + '\\"' * ((store.max_payload_bytes - 2) // 2) + '"'
        assert len(payload) == store.max_payload_bytes
        asked = [NewJob(new_id(), "A", payload, chosen_id=i == 2) for i in range(3)]
        jobs = await store.insert(asked)
        assert [job.id for job in jobs] == [job.id for job in asked]
        assert (await store.insert(asked[2:]))[0].duplicate
        found = await store.find([job.id for job in asked])
        assert {job.payload for job in found} == {'"' * ((store.max_payload_bytes - 2) // 2)}
        await store.enlist(WorkerInfo("w", bindings=("A",)), 60_000)
        claimed = await store.claim("w", ["A"], 3)
        changes = [lifecycle.complete(job, "é" * 400_000) for job in claimed]
        assert await store.apply(changes) == [True] * 3

    asyncio.run(run())


def test_rows_written(database: HttpDatabase) -> None:
    """From D1's own meta, as it is billed (an index entry is a row): 4 a job, and a few a batch."""

    async def run() -> None:
        store = D1Store(database)
        served = ["A", "B"]

        async def cost(call: Awaitable[T]) -> tuple[T, tuple[int, int]]:
            database.metas.clear()
            answer = await call
            metas = database.metas
            return answer, (len(metas), sum(meta["rows_written"] for meta in metas))

        def new(number: int = NUMBER) -> list[NewJob]:
            return [NewJob(new_id(), served[i % BINDINGS], "1") for i in range(number)]

        await store.insert(new(2))  # the bindings are known, the minute has its rows
        await store.enlist(WorkerInfo("w", bindings=("A", "B")), 60_000)
        first = await store.claim("w", served, 2)
        await store.apply([lifecycle.complete(job, None) for job in first])
        stat = BINDINGS
        half = NUMBER // 2
        boom = JobError("ValueError", "boom")
        _, enqueue = await cost(store.insert(new()))
        jobs, claim = await cost(store.claim("w", served, NUMBER))
        completed = [lifecycle.complete(job, {"n": 1}) for job in jobs[:half]]
        failed = [lifecycle.fail(job, boom, max_attempts=2, delay=60) for job in jobs[half:]]
        _, success = await cost(store.apply(completed))
        _, retry = await cost(store.apply(failed))
        _, idle = await cost(store.claim("w", served, NUMBER))
        _, roll_up = await cost(store.roll_up())
        _, prune = await cost(store.prune(Retention({JobStatus.COMPLETED: 60}), 100))
        figures = {
            "enqueue": enqueue,
            "claim": claim,
            "success": success,
            "retry": retry,
            "nothing due": idle,
            "roll_up": roll_up,
            "prune": prune,
        }
        assert {name: rows for name, (_, rows) in figures.items()} == {
            "enqueue": 2 * NUMBER + stat,
            "claim": NUMBER + stat + 1,
            "success": half + stat,
            # and of each binding's failures the group, with its index entry
            "retry": 2 * half + stat + 2 * BINDINGS,
            "nothing due": 0,
            "roll_up": 0,
            "prune": 0,
        }
        assert sum(statements for statements, _ in figures.values()) < FREE_STATEMENTS

    asyncio.run(run())
