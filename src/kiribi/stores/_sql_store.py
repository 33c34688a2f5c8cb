"""What every SQL store does alike: all of `ports.Store`, in terms of batches of statements.

An adapter brings two primitives, `_write` and `_read`, and the statements of its dialect. A batch
is one transaction, and nothing in it depends on an answer of the same batch: D1 knows no other.
The first parameter of every statement, `?1`, is the time, and the adapter's to give: the
database's own clock stands in for NULL.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kiribi.errors import Duplicate, IdConflict, InvalidInput, NotSupported, StoreError
from kiribi.job import Job, JobStatus, id_ms
from kiribi.lifecycle import Change
from kiribi.ports import (
    DELETABLE,
    BindingInfo,
    LogLine,
    NewJob,
    Progress,
    Retention,
    Ring,
    Situation,
    Within,
    WorkerInfo,
)
from kiribi.search import WINDOW, BindingCounts, Count, JobFilter, Page
from kiribi.stores import _changes, _rows
from kiribi.stores._action_table import ActionTable, StepTaken
from kiribi.stores._batches import Batch, Write
from kiribi.stores._changes import Taken
from kiribi.stores._figures import Figures
from kiribi.stores._insertion import Insertion, id_bound
from kiribi.stores._rows import Params, Row, dumps, plain
from kiribi.stores._schedules import SchedulesDiffer, ScheduleTable
from kiribi.stores._search import Search, chosen, needs_counters
from kiribi.stores._single import Single
from kiribi.stores._successors import Successors
from kiribi.unique import KeyHeld

SHOWN = 5
"""Of the jobs that one waits for, in a situation."""
GATHERED_BELOW = 100
"""Jobs in a call of `insert` that has more from sharing than it costs to wait for others."""
NO_SUCH_JOB = "give jobs that are stored (none of this id was, or it was deleted or pruned)"


class IdsInConflict(Exception):
    """The batch was aborted by `refuse_conflicts`."""


class KeysHeld(Exception):
    """The batch was aborted by `refuse_duplicates`."""


class JobMissing(Exception):
    """The batch was aborted by `refuse_missing`."""


CONFLICTS: Mapping[str, type[Exception]] = {
    "id_conflict": IdsInConflict,
    "missing_job": JobMissing,
    "duplicate_job": KeysHeld,
    "schedule_conflict": SchedulesDiffer,
    "stale_action": StepTaken,
}
"""What aborts a batch, by the constraint that the database's message names."""


class SqlStore(ScheduleTable, ActionTable, Figures):
    """A store that speaks SQL. `clock` (epoch milliseconds) stands in for the database's own."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        super().__init__(clock)
        self._known_bindings: set[str] = set()
        self._successors = Successors(self._write, self._rows, self._change)

    # Jobs

    async def insert(self, jobs: Sequence[NewJob]) -> list[Job]:
        """See `ports.Store`."""
        return await self._insert(jobs, self._write) if jobs else []

    def within(self, transaction: object) -> Within:
        """See `ports.Store`."""
        del transaction
        raise NotSupported(
            "transaction: jobs in the transaction of another connection need a PostgreSQL database"
        )

    async def _insert(
        self, jobs: Sequence[NewJob], write: Write, *, simple: bool = True
    ) -> list[Job]:
        if simple and len(jobs) == 1 and Single.fits(jobs[0], self._known_bindings):
            return [await self._insert_one(jobs[0], write)]
        call = Insertion(jobs, self._now(), self._known_bindings)
        try:
            rows = await write(call.statements)
        except IdsInConflict:
            conflicting = await self._rows("conflicting_ids", dumps(call.chosen))
            # deleted meanwhile: then the ids are free
            if not conflicting:
                return await self._insert(jobs, write)
            raise IdConflict(conflicting[0][0]) from None
        except KeysHeld:
            await self._refuse(call)
            # free meanwhile
            return await self._insert(jobs, write)
        except JobMissing:
            if missing := await self._missing(call):
                raise InvalidInput("after", missing, NO_SUCH_JOB) from None
            # stored meanwhile
            return await self._insert(jobs, write)
        self._known_bindings |= call.bindings
        answers = await self._answer(call, rows)
        return await self._let_go(call, answers) if call.held else answers

    async def _refuse(self, call: Insertion) -> None:
        held = await self._rows("standing_keys", dumps(call.uniques.refusing))
        if found := await self.find([holder for _, holder in held]):
            raise Duplicate(found[0])
        if twice := call.uniques.twice():
            raise Duplicate(twice)

    async def _missing(self, call: Insertion) -> str | None:
        asked = list(dict.fromkeys(id for _, _, after in call.held for id in after))
        there = {id for (id,) in await self._rows("existing_ids", dumps(asked))}
        there.update(id for id, *_ in call.held)
        there.update(id for id, *_ in call.chosen)
        return next((id for id in asked if id not in there), None)

    async def _let_go(self, call: Insertion, answers: list[Job]) -> list[Job]:
        held = [id for id, *_ in call.held]
        await self._successors.enqueued(held)
        try:
            now = {job.id: job for job in await self.find(held)}
        except StoreError:
            return answers  # as they were stored: they are, and it must not seem to have failed
        return [replace(now.get(job.id, job), duplicate=job.duplicate) for job in answers]

    async def _insert_one(self, job: NewJob, write: Write) -> Job:
        call = Single(job, self._now())
        if (stored := call.answer(await write(call.statements))) is not None:
            return stored
        # the batch was repeated, its first answer lost; or the key is held
        if job.unique is None:
            return (await self.find([call.id]))[0]
        return (await self._insert([job._replace(id=call.id)], write, simple=False))[0]

    async def _answer(self, call: Insertion, rows: Sequence[Sequence[Row]]) -> list[Job]:
        found = call.read(rows)
        existing = {id: replace(found[id], duplicate=True) for id in call.missing(rows)}
        if duplicates := call.duplicates(rows):
            holders = {holder for holder, _ in duplicates.values()}
            if unread := holders - found.keys():
                found |= {job.id: job for job in await self.find(list(unread))}
            for id, (holder, new) in duplicates.items():
                if holder not in found:
                    # deleted meanwhile
                    existing[id] = (await self.insert([new]))[0]
                elif new.unique is not None and new.unique.on_conflict == "raise":
                    raise Duplicate(found[holder])
                else:
                    existing[id] = replace(found[holder], duplicate=True)
        return call.answer(rows, existing)

    async def claim(
        self,
        worker: str,
        bindings: Sequence[str],
        limit: int,
        *,
        pool: str = "",
        held: Sequence[str] = (),
        ids: Sequence[str] | None = None,
    ) -> list[Job]:
        """See `ports.Store`."""
        return await self._claim((), worker, bindings, limit, pool, held, ids)

    async def visit(
        self, worker: WorkerInfo, lease_ms: int, limit: int, *, ids: Sequence[str] | None = None
    ) -> list[Job]:
        """`enlist` and `claim` in one batch, for a worker that claims only once."""
        before = [("enlist_worker", _presented(worker, lease_ms))]
        return await self._claim(before, worker.id, worker.bindings, limit, "", (), ids)

    async def leave(self, worker: str, bindings: Sequence[str]) -> int | None:
        """`dismiss` and `next_due` in one batch, once all that the worker claimed is settled."""
        batch: Batch = [("forget_worker", (worker,)), ("next_due", (dumps(bindings),))]
        return (await self._write(batch))[1][0][0]

    async def _claim(
        self,
        before: Batch,
        worker: str,
        bindings: Sequence[str],
        limit: int,
        pool: str,
        held: Sequence[str],
        ids: Sequence[str] | None,
    ) -> list[Job]:
        if limit <= 0 or not bindings:
            return []
        mine = (worker, pool, secrets.token_hex(8))
        choice: Params = (*mine, dumps(held), dumps(list(dict.fromkeys(bindings))), limit)
        first = ("claim_best", choice) if ids is None else ("claim_ids", (*choice, dumps(ids)))
        # undone by a loss of power, the job is due again: as after any crash
        batch = [*before, first, ("claim_stat", mine), ("claim_jobs", mine)]
        rows = await self._write(batch, durable=False)
        return sorted(_rows.jobs(rows[-1]), key=best_first)

    async def apply(self, changes: Sequence[Change]) -> list[bool]:
        """See `ports.Store`."""
        return await self._apply(changes, self._write)

    async def _apply(self, changes: Sequence[Change], write: Write) -> list[bool]:
        first: dict[str, Change] = {}
        for change in changes:
            first.setdefault(change.id, change)
        taken = await self._change(list(first.values()), write)
        await self._successors.ended(taken.ended)
        return [change.id in taken.jobs and first[change.id] is change for change in changes]

    async def _change(self, changes: Sequence[Change], write: Write | None = None) -> Taken:
        """Carry out changes, without what follows for those who wait for their jobs."""
        if not changes:
            return Taken({}, [], set())
        batch = _changes.statements(changes)
        taken = _changes.taken(changes, batch, await (write or self._write)(batch))
        self._successors.freed(taken.freed)
        return taken

    def on_release(self, ring: Ring) -> None:
        """See `ports.Store`."""
        self._successors.ring = ring

    async def repair(self) -> int:
        """See `ports.Store`."""
        return await self._successors.repair()

    async def unique_keys(self, ids: Sequence[str]) -> Mapping[str, KeyHeld]:
        """See `ports.Store`."""
        rows = await self._rows("unique_keys", dumps(ids)) if ids else []
        return {row[0]: _rows.key_held(row) for row in rows}

    async def predecessors(self, id: str) -> Mapping[str, int]:
        """See `ports.Store`."""
        return {str(status): number for status, number in await self._rows("predecessors", id)}

    async def next_due(self, bindings: Sequence[str]) -> int | None:
        """See `ports.Store`."""
        return (await self._rows("next_due", dumps(bindings)))[0][0]

    async def find(self, ids: Sequence[str]) -> list[Job]:
        """See `ports.Store`."""
        found = {job.id: job for job in _rows.jobs(await self._rows("find_jobs", dumps(ids)))}
        return [found[id] for id in ids if id in found]

    async def situation(self, id: str) -> Situation | None:
        """See `ports.Store`."""
        found, ((now,),), bindings, workers, waits, gates, keys = await self._read(
            [
                ("find_jobs", (dumps([id]),)),
                ("now", ()),
                ("bindings", ()),
                ("workers", ()),
                ("waited_for", (id, SHOWN)),
                ("gates", (id, SHOWN)),
                ("unique_keys", (dumps([id]),)),
            ]
        )
        if not found:
            return None
        (job,) = _rows.jobs(found)
        known = {one.name: one for one in map(_rows.binding, bindings)}
        return Situation(
            job,
            now,
            known.get(job.binding),
            tuple(map(_rows.worker, workers)),
            tuple((earlier, status) for earlier, status, _ in waits),
            waits[0][2] if waits else 0,
            **(_rows.gates(gates[0]) if gates else {}),
            unique=_rows.key_held(keys[0]) if keys else None,
        )

    async def search(
        self, filter: JobFilter, *, before: str | None = None, limit: int = 50
    ) -> Page:
        """See `ports.Store`."""
        search = await self._search(filter, before, limit + 1, ids=True)
        if search is None:
            return Page(())
        ((number, found, stop),) = await self._rows(search.statement, *search.params)
        ids: list[str] = sorted(json.loads(found), reverse=True)[:limit]
        jobs = _rows.jobs(await self._rows("list_jobs", dumps(ids))) if ids else []
        next = ids[-1] if number > limit else stop
        return Page(tuple(jobs), next, None if next is None else id_ms(next))

    async def count(self, filter: JobFilter) -> Count:
        """See `ports.Store`."""
        if filter.counted:
            counted = await self._counters(filter.bindings)
            return Count(_rows.total(counted, filter.statuses or JobStatus))
        search = await self._search(filter, None, WINDOW + 1, ids=False)
        if search is None:
            return Count(0)
        ((number, _, stop),) = await self._rows(search.statement, *search.params)
        return Count(min(number, WINDOW), stop is None and number <= WINDOW)

    async def _search(
        self, filter: JobFilter, before: str | None, wanted: int, *, ids: bool
    ) -> Search | None:
        counted = await self._counters(filter.bindings) if needs_counters(filter) else []
        return chosen(filter, counted, before, wanted, ids)

    async def _counters(self, bindings: Sequence[str]) -> list[BindingCounts]:
        rows = await self._rows("counters", dumps(bindings) if bindings else None)
        return [_rows.counts(row) for row in rows]

    async def delete(
        self, ids: Sequence[str], statuses: Collection[JobStatus] = DELETABLE
    ) -> list[str]:
        """See `ports.Store`."""
        return await self._delete(ids, statuses, self._write)

    async def _delete(
        self, ids: Sequence[str], statuses: Collection[JobStatus], write: Write
    ) -> list[str]:
        if not ids:
            return []
        asked = (dumps(ids), dumps(list(statuses)))
        rows = (await write([("delete_stat", asked), ("delete_jobs", asked)]))[1]
        return await self._gone(rows)

    async def cancel_requested(self, ids: Sequence[str]) -> list[str]:
        """See `ports.Store`."""
        return [row[0] for row in await self._rows("cancel_requested", dumps(ids))] if ids else []

    # What performers write while they run

    async def log(self, lines: Sequence[LogLine]) -> None:
        """See `ports.Store`."""
        rows = [
            (line.job_id, line.attempt, line.at_ms, plain(line.level), plain(line.message))
            for line in lines
        ]
        if rows:
            await self._write([("append_log", (dumps(rows),))], durable=False)

    async def logs(
        self, id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, LogLine]]:
        """See `ports.Store`."""
        return [_rows.log_line(id, row) for row in await self._rows("read_log", id, after, limit)]

    async def progress(self, reports: Sequence[Progress]) -> list[bool]:
        """See `ports.Store`."""
        if not reports:
            return []
        last = {(one.job_id, one.attempt): [one.fraction, one.message] for one in reports}
        asked = dumps([(id, attempt, said) for (id, attempt), said in last.items()])
        (rows,) = await self._write([("report_progress", (asked,))], durable=False)
        took = {(id, attempts) for id, attempts in rows}
        return [(one.job_id, one.attempt) in took for one in reports]

    async def step(self, id: str, name: str) -> tuple[Any] | None:
        """See `ports.Store`."""
        rows = await self._rows("read_step", id, plain(name))
        return (json.loads(rows[0][0]),) if rows else None

    async def store_step(self, job: Job, name: str, value: str) -> bool:
        """See `ports.Store`."""
        asked = (job.id, job.attempts, plain(name), value, job.worker)
        (rows,) = await self._write([("store_step", asked)])
        return bool(rows)

    # Workers and their leases

    async def enlist(self, worker: WorkerInfo, lease_ms: int) -> None:
        """See `ports.Store`."""
        await self._write([("enlist_worker", _presented(worker, lease_ms))])

    async def renew_as(self, worker: WorkerInfo, lease_ms: int) -> bool:
        """See `ports.Store`."""
        (rows,) = await self._write([("renew_worker", _presented(worker, lease_ms))])
        return bool(rows)

    async def renew(self, workers: Sequence[str], lease_ms: int) -> list[str]:
        """See `ports.Store`. A lapsed worker renews as long as nobody has buried it."""
        renewal = [("renew_workers", (dumps(workers), lease_ms))]
        (rows,) = await self._write(renewal, durable=False)
        return [row[0] for row in rows]

    async def bury(self, workers: Mapping[str, str]) -> None:
        """See `ports.Store`."""
        reasons = {id: plain(reason) for id, reason in workers.items()}
        await self._write([("bury_workers", (dumps(reasons),))])

    async def bury_lapsed(self) -> None:
        """See `ports.Store`."""
        await self._write([("bury_lapsed", ())])

    async def dead_workers(self) -> list[WorkerInfo]:
        """See `ports.Store`."""
        return [worker for worker in await self.workers() if worker.dead_reason is not None]

    async def held_by(self, worker: str) -> list[Job]:
        """See `ports.Store`."""
        return _rows.jobs(await self._rows("held_jobs", worker))

    async def dismiss(self, worker: str) -> None:
        """See `ports.Store`."""
        await self._write([("dismiss_worker", (worker,))])

    async def workers(self) -> list[WorkerInfo]:
        """See `ports.Store`."""
        return [_rows.worker(row) for row in await self._rows("workers")]

    # Bindings

    async def register(self, bindings: Sequence[BindingInfo]) -> None:
        """See `ports.Store`."""
        rows = [
            (b.name, b.defaults.get("priority"), b.defaults, b.schema, b.limits or None)
            for b in bindings
        ]
        names = dumps([binding.name for binding in bindings])
        await self._write([("register_bindings", (dumps(rows),)), ("set_limits", (names,))])

    async def bindings(self) -> list[BindingInfo]:
        """See `ports.Store`."""
        return [_rows.binding(row) for row in await self._rows("bindings")]

    async def pause(self, binding: str, paused: bool) -> None:
        """See `ports.Store`."""
        asked = (binding, int(paused))
        await self._write([("pause_stat", asked), ("pause_binding", asked)])

    async def limit(self, binding: str, limits: Mapping[str, Any] | None) -> None:
        """See `ports.Store`."""
        # false: a merge patch would take null for "not set"
        lifted = {name: value is not None and value for name, value in (limits or {}).items()}
        asked = (binding, None if limits is None else dumps(lifted))
        await self._write(
            [
                ("limit_stat", asked),
                ("limit_binding", asked),
                ("set_limits", (dumps([binding]),)),
            ]
        )

    # Housekeeping

    async def take_turn(self, name: str, seconds: float) -> bool:
        """See `ports.Store`. Those on one machine are few."""
        del name, seconds
        return True

    async def prune(self, retention: Retention, limit: int) -> int:
        """See `ports.Store`."""
        if not retention.seconds:
            return 0
        now = self._now()
        before = {status: now - round(kept * 1000) for status, kept in retention.seconds.items()}
        outlived = (dumps(before),)
        batch: list[tuple[str, Params]] = [
            ("prune_move", (id_bound(max(before.values())), limit)),
            ("prune_stat", outlived),
            ("prune_jobs", outlived),
        ]
        if JobStatus.FAILED in before:
            batch.append(("prune_failures", (before[JobStatus.FAILED],)))
        rows = await self._write(batch)
        return len(await self._gone(rows[2]))


def _presented(worker: WorkerInfo, lease_ms: int) -> Params:
    served = dumps(worker.bindings)
    who: Params = (worker.id, plain(worker.host), worker.pid, worker.version, served)
    return (*who, worker.slots, lease_ms)


def best_first(job: Job) -> tuple[int, str]:
    """What jobs are sorted by for those who claim them."""
    return job.due_ms - job.priority * 60_000, job.id


def apart(jobs: Sequence[NewJob]) -> bool:
    """Whether a call's jobs must not, or need not, share a batch with those of other calls.

    A chosen id may be asked for twice: each call must see what the other stored. And of a call
    shared with others, a job that raises would undo all.
    """
    return len(jobs) >= GATHERED_BELOW or any(
        job.chosen_id or job.after or (job.unique and job.unique.on_conflict == "raise")
        for job in jobs
    )
