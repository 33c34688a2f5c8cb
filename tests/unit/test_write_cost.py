"""What a job costs on a database that bills rows: insert 1, claim 1, finish 1, and a few more a
batch, however many jobs it has (DESIGN, section 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import apsw
import pytest

from kiribi import lifecycle
from kiribi._recurring import fire
from kiribi._scheduled import ScheduleChange, ScheduleInfo
from kiribi.job import OPEN, WAITING, Job, JobError, JobStatus, new_id
from kiribi.ports import LogLine, NewJob, Retention, WorkerInfo
from kiribi.schedule import Every, Schedule, definition
from kiribi.stores._apsw import connect, execute
from kiribi.stores._statements import migrations, statement
from kiribi.stores.sqlite import SqliteStore
from kiribi.unique import OnConflict, UniqueKey

NUMBER = 100
BINDINGS = 2
STAT = BINDINGS
"""One row of statistics for each binding in a batch."""
CAUSES = BINDINGS
"""One row for each cause of the failures in a batch: here one a binding."""

T = TypeVar("T")


@dataclass
class Cost:
    """What a call wrote: transactions, statements in them, rows of tables (not of indexes)."""

    transactions: int
    statements: int
    rows: int


@dataclass
class Metered:
    """A store, and a meter on its only writing connection."""

    store: SqliteStore
    rows: Callable[[], int]
    seen: list[str]

    async def __call__(self, call: Awaitable[T]) -> tuple[T, Cost]:
        self.seen.clear()
        before = self.rows()
        answer = await call
        statements = [
            sql for sql in self.seen if sql.split()[0] not in ("BEGIN", "COMMIT", "PRAGMA")
        ]
        return answer, Cost(self.seen.count("COMMIT"), len(statements), self.rows() - before)


def metered(path: Path, use: Callable[[Metered], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = connect(str(path / "jobs.db"))
        seen: list[str] = []

        store = SqliteStore(str(path / "jobs.db"), connection, None)
        await store.migrate()
        served = ("A", "B")
        await store.enlist(WorkerInfo("w1", bindings=served), 60_000)
        await store.insert([NewJob(new_id(), binding, "1") for binding in served])
        await store.claim("w1", served, 9)
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda ended: seen.append(ended["sql"]))
        await use(Metered(store, connection.total_changes, seen))
        await store.close()

    asyncio.run(run())


def new(number: int = NUMBER, payload: str = "1") -> list[NewJob]:
    return [NewJob(new_id(), "AB"[i % BINDINGS], payload) for i in range(number)]


def test_a_successful_job_costs_three_rows_and_an_index_entry(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        _, insert = await meter(meter.store.insert(new()))
        assert insert == Cost(1, 3, NUMBER + STAT)
        jobs, claim = await meter(meter.store.claim("w1", ["A", "B"], NUMBER))
        assert (len(jobs), claim) == (NUMBER, Cost(1, 3, NUMBER + STAT + 1))
        took, settle = await meter(
            meter.store.apply([lifecycle.complete(job, {"n": 1}) for job in jobs])
        )
        assert (all(took), settle) == (True, Cost(1, 2, NUMBER + STAT))

    metered(tmp_path, use)


@pytest.mark.parametrize("name", ["claim_jobs", "claim_best", "claim_stat", "report_progress"])
def test_a_claim_writes_no_index_of_open_jobs(name: str) -> None:
    connection = apsw.Connection(":memory:")
    for script in migrations("sqlite"):
        execute(connection, script)
    pages = execute(connection, "SELECT rootpage FROM sqlite_schema WHERE name = 'job_open'")
    one = statement("sqlite", name)
    program = execute(connection, f"EXPLAIN {one.text}", (None,) * one.parameters)
    opened = {operation[3] for operation in program if operation[1] == "OpenWrite"}
    assert opened
    assert pages[0][0] not in opened


def test_what_else_writes_a_row_a_job(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        await meter.store.insert(new())
        jobs = await meter.store.claim("w1", ["A", "B"], NUMBER)
        boom = JobError("ValueError", "boom")
        changes = [lifecycle.fail(job, boom, max_attempts=2, delay=0) for job in jobs]
        _, retry = await meter(meter.store.apply(changes))
        assert retry == Cost(1, 3, NUMBER + STAT + CAUSES)
        _, deleted = await meter(meter.store.delete([job.id for job in jobs]))
        assert deleted == Cost(1, 2, NUMBER + STAT)

    metered(tmp_path, use)


def test_a_long_payload_costs_one_more(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        _, cost = await meter(meter.store.insert(new(payload='"' + "x" * 2_000 + '"')))
        assert cost == Cost(1, 4, 2 * NUMBER + STAT)

    metered(tmp_path, use)


def test_a_key_costs_those_who_use_it(tmp_path: Path) -> None:
    """A row for each key in use, written anew with each of its jobs that starts or ends."""
    keys = 10

    def keyed(number: int) -> list[NewJob]:
        return [
            NewJob(new_id(), "A", "1", options=f'{{"concurrency_key":"k{i % keys}"}}')
            for i in range(number)
        ]

    async def use(meter: Metered) -> None:
        _, insert = await meter(meter.store.insert(keyed(NUMBER)))
        assert insert == Cost(1, 4, NUMBER + 2 * keys + 1)
        jobs, claim = await meter(meter.store.claim("w1", ["A", "B"], NUMBER))
        assert (len(jobs), claim) == (keys, Cost(1, 3, 2 * keys + 1 + 1))
        changes = [lifecycle.complete(job, None) for job in jobs]
        _, settle = await meter(meter.store.apply(changes))
        assert settle == Cost(1, 2, 2 * keys + 1)

    metered(tmp_path, use)


def unique(number: int = NUMBER, on_conflict: OnConflict = "return") -> list[NewJob]:
    states = tuple(WAITING if on_conflict == "replace" else OPEN)
    return [
        job._replace(unique=UniqueKey(f"k{i}", states, on_conflict=on_conflict))
        for i, job in enumerate(new(number))
    ]


def test_a_unique_job_costs_three_statements_a_call_and_no_row(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        _, insert = await meter(meter.store.insert(unique()))
        assert insert == Cost(1, 6, NUMBER + STAT)
        jobs, claim = await meter(meter.store.claim("w1", ["A", "B"], NUMBER))
        assert claim == Cost(1, 3, NUMBER + STAT + 1)
        changes = [lifecycle.complete(job, None) for job in jobs]
        _, settle = await meter(meter.store.apply(changes))
        assert settle == Cost(1, 2, NUMBER + STAT)
        # who held a key until it ended is told now, by who gets it
        _, again = await meter(meter.store.insert(unique()))
        assert again == Cost(1, 6, 2 * NUMBER + STAT)
        _, alone = await meter(meter.store.insert(unique(NUMBER + 1)[-1:]))
        assert alone == Cost(1, 3, 1 + 1)

    metered(tmp_path, use)


def test_a_duplicate_writes_nothing_unless_it_changes_the_holder(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        first = await meter.store.insert(unique())
        again, duplicates = await meter(meter.store.insert(unique()))
        assert [job.id for job in again] == [job.id for job in first]
        assert duplicates == Cost(1, 6, 0)
        _, alone = await meter(meter.store.insert(unique(1)))
        assert alone == Cost(2, 8, 0)  # as it would be if the key were free, then with a look
        _, replaced = await meter(meter.store.insert(unique(on_conflict="replace")))
        assert replaced == Cost(1, 8, NUMBER + STAT)

    metered(tmp_path, use)


def test_limits_of_a_binding_cost_a_row_a_batch(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        rate = {"limit": 1_000, "per": 1.0, "burst": 1_000}
        await meter.store.limit("A", {"concurrency": 90, "rate_limit": rate})
        await meter.store.insert(new())
        jobs, claim = await meter(meter.store.claim("w1", ["A", "B"], NUMBER))
        assert (len(jobs), claim) == (NUMBER, Cost(1, 3, NUMBER + STAT + 1 + 1))
        changes = [lifecycle.complete(job, None) for job in jobs]
        _, settle = await meter(meter.store.apply(changes))
        assert settle == Cost(1, 2, NUMBER + STAT)

    metered(tmp_path, use)


def test_pruning_costs_a_row_a_job(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        await meter.store.insert(new())
        jobs = await meter.store.claim("w1", ["A", "B"], NUMBER)
        await meter.store.apply([lifecycle.complete(job, None) for job in jobs])
        keep = Retention({JobStatus.COMPLETED: -1})
        removed, cost = await meter(meter.store.prune(keep, 1_000))
        assert (removed, cost) == (NUMBER, Cost(1, 3, NUMBER + STAT + 1))

    metered(tmp_path, use)


def test_waiting_costs_two_rows_a_predecessor_and_a_change(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        (first,) = await meter.store.insert(new(1))
        waits = new(1)[0]._replace(after=(first.id,))
        _, insert = await meter(meter.store.insert([waits]))
        assert insert == Cost(1, 5, 3)  # the job, its statistics, the dependency
        jobs = await meter.store.claim("w1", ["A", "B"], 9)
        assert [job.id for job in jobs] == [first.id]
        _, settle = await meter(meter.store.apply([lifecycle.complete(jobs[0], None)]))
        # the end as ever; its note; the release
        assert settle == Cost(3, 5, 2 + 1 + 2)

    metered(tmp_path, use)


def test_a_tick_costs_its_job_and_a_row(tmp_path: Path) -> None:
    async def use(meter: Metered) -> None:
        text = definition("A", Schedule(Every(60)), "null")
        due = [ScheduleInfo(f"s{number}", text, 60_000) for number in range(NUMBER)]
        await meter.store.change_schedules([ScheduleChange(None, one) for one in due])
        (jobs, _), cost = await meter(fire(meter.store))
        assert (len(jobs), cost) == (NUMBER, Cost(1, 7, 2 * NUMBER + 1))

    metered(tmp_path, use)


IDLE: dict[str, Callable[[SqliteStore, Job], Awaitable[object]]] = {
    "claim": lambda store, _: store.claim("w1", ["A", "B"], NUMBER, pool="idle"),
    "claim again": lambda store, job: store.claim("w1", ["A", "B"], 9, held=[job.id]),
    "claim by ids": lambda store, job: store.claim("w1", ["A", "B"], 9, ids=[job.id]),
    "claim by nobody": lambda store, _: store.claim("nobody", ["A", "B"], 9),
    "insert again": lambda store, job: store.insert([NewJob(job.id, "A", "1", chosen_id=True)]),
    "stale change": lambda store, job: store.apply(
        [lifecycle.complete(replace(job, attempts=9), None)]
    ),
    "delete": lambda store, job: store.delete([job.id]),
    "bury_lapsed": lambda store, _: store.bury_lapsed(),
    "renew": lambda store, _: store.renew(["nobody"], 1_000),
    "pause": lambda store, _: store.pause("A", False),
    "repair": lambda store, _: store.repair(),
    "roll_up": lambda store, _: store.roll_up(),
    "fire schedules": lambda store, _: fire(store),
    "prune": lambda store, _: store.prune(Retention({JobStatus.FAILED: 3600}), 100),
    "log": lambda store, job: store.log([LogLine(f"{job.id}x", 1, 1, "info", "lost")]),
    "step": lambda store, job: store.store_step(replace(job, attempts=2), "step", "1"),
}


@pytest.mark.parametrize("call", IDLE)
def test_what_changes_nothing_writes_nothing_and_wakes_nobody(tmp_path: Path, call: str) -> None:
    async def use(meter: Metered) -> None:
        (running,) = [job for job in await meter.store.held_by("w1") if job.binding == "A"]
        watcher = connect(str(tmp_path / "jobs.db"), read_only=True)
        before = execute(watcher, "PRAGMA data_version")
        _, cost = await meter(IDLE[call](meter.store, running))
        assert cost.rows == 0
        assert execute(watcher, "PRAGMA data_version") == before
        watcher.close()

    metered(tmp_path, use)
