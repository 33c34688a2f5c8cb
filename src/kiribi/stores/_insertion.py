"""One call of `insert`: the statements it takes, and the jobs it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from kiribi.errors import IdConflict
from kiribi.job import HELD_MS, Job, JobStatus, id_ms
from kiribi.ports import NewJob
from kiribi.stores._rows import Params, Row, Rows, dumps, jobs
from kiribi.stores._uniques import Uniques

INLINE = 1024
"""Bytes of payload kept in the job's row: more would slow down whoever reads past it."""

SKEW = 60_000
"""Milliseconds an id's time may be off the store's clock."""

DUE_AT_ONCE = [0, None]
"""The times of a plain job: what it leaves to the store makes its row shorter."""


class Insertion:
    """The call's jobs, with their final ids, as statements of one batch.

    `known`: bindings that need not be made known again.
    """

    def __init__(self, new: Sequence[NewJob], now_ms: int, known: AbstractSet[str]) -> None:
        self._payloads: list[Any] = json.loads("[" + ",".join([job.payload for job in new]) + "]")
        self._new = new
        self._ids = [job.id for job in new]
        self._again: set[int] = set()
        self.chosen: list[tuple[str, str, str, str | None]] = []
        earliest, beyond = id_bound(now_ms - SKEW), id_bound(now_ms + SKEW + 1)
        groups: dict[str, tuple[int, str]] = {}
        counted: list[tuple[str, int, str]] = []
        rows: list[tuple[Any, ...]] = []
        bodies: list[tuple[str, str]] = []
        self.held: list[tuple[str, str, tuple[str, ...]]] = []
        first: dict[str, NewJob] = {}
        self.uniques = Uniques()
        for at, job in enumerate(new):
            id, binding, payload, options, chosen_id, priority, *times = job[:8]
            if chosen_id:
                if id in first:
                    if _content(first[id]) != _content(job):
                        raise IdConflict(id)
                    self._again.add(at)
                    continue
                first[id] = job
                self.chosen.append((id, binding, payload, options))
                if job.unique is None:
                    counted.append((binding, 1, id))
            else:
                if not earliest <= id < beyond:
                    id = self._ids[at] = reminted(id, now_ms)
                if job.unique is None:
                    groups[binding] = (groups.get(binding, (0,))[0] + 1, id)
            if not inline(payload):
                bodies.append((id, payload))
                payload = None
            if job.unique is not None:
                self.uniques.add(id, job, payload, job.unique)
                continue
            if job.after:
                self.held.append((id, job.after_failed, job.after))
                times = [0, HELD_MS]
            plain = options is None and priority is None and times == DUE_AT_ONCE
            rest = () if plain else (options, priority, *times)
            rows.append((id, binding, payload, *rest))
        counted += [(binding, number, id) for binding, (number, id) in groups.items()]
        self.bindings = {binding for binding, _, _ in counted} | self.uniques.bindings
        self.statements: list[tuple[str, Params]] = []
        if self.chosen:
            self.statements.append(("refuse_conflicts", (dumps(self.chosen),)))
            self.statements.append(("find_jobs", (dumps(list(first)),)))
        if not self.bindings <= known:
            self.statements.append(("insert_bindings", (dumps(sorted(self.bindings)),)))
        if rows:
            self.statements.append(("insert_stat", (dumps(counted),)))
            self.statements.append(("insert_jobs", (Rows(rows),)))
        self.statements += self.uniques.statements(alone=len(new) == 1)
        if keys := sorted({key for job in new if (key := concurrency_key(job))}):
            self.statements.append(("insert_lanes", (dumps(keys),)))
        if bodies:
            self.statements.append(("insert_payloads", (dumps(bodies),)))
        if self.held:
            edges = [(id, failed, earlier) for id, failed, after in self.held for earlier in after]
            self.statements.append(("insert_dependencies", (dumps(edges),)))
            self.statements.append(("refuse_missing", (dumps([id for id, *_ in self.held]),)))
        # RETURNING would cost as much as the insert: what is not known comes from here
        self.statements.append(("insert_context", (dumps(sorted(self.bindings)),)))

    def duplicates(self, rows: Sequence[Sequence[Row]]) -> dict[str, tuple[str, NewJob]]:
        """The jobs whose key another holds, by id, with the holder's id."""
        if not self.uniques.keys:
            return {}
        asked = dict(zip(self._ids, self._new, strict=True))
        return {id: (holder, asked[id]) for id, holder in self._said("duplicates", rows)}

    def read(self, rows: Sequence[Sequence[Row]]) -> dict[str, Job]:
        """The jobs that the batch itself has read, by id."""
        names = ("find_jobs", "holders")
        return {job.id: job for name in names for job in jobs(self._said(name, rows))}

    def _said(self, statement: str, rows: Sequence[Sequence[Row]]) -> Sequence[Row]:
        for (name, _), answer in zip(self.statements, rows, strict=True):
            if name == statement:
                return answer
        return ()

    def missing(self, rows: Sequence[Sequence[Row]]) -> dict[str, NewJob]:
        """The jobs that were there before, by id, of the rows of all statements."""
        if not self.chosen:
            return {}
        there = {row[0] for row in rows[1]}
        return {id: job for id, job in zip(self._ids, self._new, strict=True) if id in there}

    def answer(self, rows: Sequence[Sequence[Row]], existing: Mapping[str, Job]) -> list[Job]:
        """The jobs in the order asked."""
        context = rows[-1]
        now: int = context[0][0]
        priorities: dict[str, int] = {binding: priority for _, binding, priority in context}
        answers: list[Job] = []
        for at, (id, job, payload) in enumerate(
            zip(self._ids, self._new, self._payloads, strict=True)
        ):
            if id in existing:
                answers.append(existing[id])
                continue
            priority = priorities.get(job.binding, 0) if job.priority is None else job.priority
            due = now + job.delay_ms if job.at_ms is None else job.at_ms
            made = pending(id, job, payload, priority, due, now)
            answers.append(replace(made, duplicate=True) if at in self._again else made)
        return answers


def concurrency_key(job: NewJob) -> tuple[str, str] | None:
    """The binding and the key of a job that has one."""
    if job.options is None or '"concurrency_key"' not in job.options:
        return None
    key = json.loads(job.options).get("concurrency_key")
    return None if key is None else (job.binding, key)


def pending(id: str, new: NewJob, payload: Any, priority: int, due_ms: int, now_ms: int) -> Job:
    """The job that was stored; `payload` is its JSON value."""
    options: dict[str, Any] = json.loads(new.options) if new.options else {}
    status = JobStatus.PENDING
    return Job(id, new.binding, status, payload, options, priority, 0, 0, 0, due_ms, now_ms)


def inline(payload: str) -> bool:
    """Whether a payload is kept in the job's row."""
    return len(payload) <= INLINE and (payload.isascii() or len(payload.encode()) <= INLINE)


def id_bound(ms: int) -> str:
    """The text that the ids of a time, and no earlier ones, sort after (or equal to)."""
    text = f"{min(max(ms, 0), 2**48 - 1):012x}"
    return f"{text[:8]}-{text[8:]}"


def in_time(id: str, now_ms: int) -> str:
    """The id, re-minted if its time is too far off the store's clock."""
    return id if abs(id_ms(id) - now_ms) <= SKEW else reminted(id, now_ms)


def reminted(id: str, now_ms: int) -> str:
    """The id with another time: it keeps its place among those made with it."""
    return f"{id_bound(now_ms)}-7000{id[18:]}"


def _content(job: NewJob) -> tuple[str, str, str]:
    return job.binding, _canonical(job.payload), _canonical(job.options or "{}")


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)
