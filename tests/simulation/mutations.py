"""Mistakes that somebody could make tomorrow. Each has to break the promise within a few seeds.

A mutation replaces text of a SQL statement or of a function; if that text is no longer there, it
says so: then somebody has to find the mistake's new place.
"""

from __future__ import annotations
import __future__

import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from itertools import chain, count, islice
from random import Random
from typing import Any
from unittest.mock import patch

from tests.simulation import database
from tests.simulation.database import NAMES, migrated
from tests.simulation.mistakes import MISTAKES, Change
from tests.simulation.oversights import OVERSIGHTS
from tests.simulation.plan import planned
from tests.simulation.world import run

from kiribi.stores import sqlite
from kiribi.stores._statements import Statement, migrations

MIGRATIONS = files("kiribi.stores").joinpath("sql", "sqlite", "migrations")

WAITS = " AND status IN ('PENDING', 'RETRY_PENDING')"
LIVES = "SELECT 1 FROM worker WHERE id = ?2 AND lease_until > now AND dead_reason IS NULL"
PAUSED = "NOT EXISTS (SELECT 1 FROM binding WHERE name = served.value AND paused = 1)"
HOLDER = "coalesce(worker, job.status) = holder"
STATUS = "job.status = iif(length(holder) > 15, 'PROCESSING', holder)"
WORKER, MEMBER = "kiribi.runtimes.worker:Worker", "kiribi.runtimes.member:Member"

MUTATIONS: dict[str, Sequence[Change]] = {
    # Settling
    "an outcome is not fenced by its attempt": (
        ("apply_changes.sql", f"{HOLDER} AND job.attempts = change.attempts", STATUS),
        ("apply_stat.sql", f"{HOLDER} AND job.attempts = asked.attempts", STATUS),
    ),
    "an outcome is not fenced by the status": (
        ("apply_changes.sql", "coalesce(worker, job.status) = holder AND", ""),
        ("apply_stat.sql", "coalesce(worker, job.status) = holder AND", ""),
    ),
    "hooks are called before the outcome is stored": (
        (
            "kiribi._settler:Settler._write",
            "self._done(batch, await self._apply(batch))",
            "self._done(batch, [True] * len(batch)); await self._apply(batch)",
        ),
    ),
    "hooks are called for outcomes that were refused": (
        (f"{WORKER}._settled", "if not took:", "if False:"),
    ),
    "an outcome is dropped when the store fails": (
        (
            "kiribi._settler:Settler._apply",
            "await asyncio.sleep(pause)",
            "return [False] * len(changes)",
        ),
    ),
    "a failure is not counted": (
        ("kiribi.lifecycle:fail", "failures=failures,", "failures=job.failures,"),
    ),
    "one attempt too many": (
        ("kiribi.lifecycle:fail", "failures >= max_attempts", "failures > max_attempts"),
    ),
    "a release spends an attempt": (
        (
            "kiribi.lifecycle:release",
            "status, Outcome.RELEASED,",
            "status, Outcome.RELEASED, failures=job.failures + 1,",
        ),
    ),
    "a snooze spends an attempt": (
        (
            "kiribi.lifecycle:snooze",
            "Outcome.SNOOZED,",
            "Outcome.SNOOZED, failures=job.failures + 1,",
        ),
    ),
    "a crash is not counted": (
        ("kiribi.lifecycle:crash", "crashes=crashes,", "crashes=job.crashes,"),
    ),
    "a retry by hand does not zero the failures": (
        ("kiribi.lifecycle:retry", "failures=0, crashes=0,", ""),
    ),
    "a request to cancel is lost when the attempt fails": (
        ("apply_changes.sql", "WHEN NOT (goes_on AND cancel_requested)", "WHEN true"),
        ("apply_changes.sql", "OR (goes_on AND cancel_requested)", ""),
        ("apply_stat.sql", "WHEN NOT (goes_on AND cancel_requested)", "WHEN true"),
    ),
    "the statistics forget what ended": (
        ("apply_stat.sql", "completed = completed + excluded.completed,", ""),
    ),
    # Claiming
    "a claim does not look at the status": (
        ("claim_best.sql", WAITS, ""),
        (
            "claim_jobs.sql",
            "(status IN ('PENDING', 'RETRY_PENDING') OR (status = 'PROCESSING' AND worker = ?2))",
            "true",
        ),
        ("claim_stat.sql", WAITS, ""),
    ),
    "a claim does not count": (
        ("claim_jobs.sql", "attempts = attempts + (status <> 'PROCESSING')", "attempts = attempts"),
    ),
    "a claim takes what is not due": (("claim_best.sql", "AND due <= now", ""),),
    "a claim takes what is paused": (("claim_best.sql", PAUSED, "true"),),
    "a claim takes the worst first": (
        ("claim_best.sql", "ORDER BY rank LIMIT", "ORDER BY rank DESC LIMIT"),
    ),
    "a worker without a lease claims": (("claim_best.sql", LIVES, "SELECT 1"),),
    "a claim forgets what is held": ((f"{WORKER}._claim", "held=list(pool.held)", "held=()"),),
    "a job is forgotten before it is settled": (
        (
            "kiribi.runtimes.pool:Pool.release",
            "del self.performing[attempt.job.id]",
            "del self.performing[attempt.job.id]; self.held.pop(attempt.job.id)",
        ),
    ),
    "what is stored seems to have failed": (
        ("kiribi.stores._sql_store:SqlStore._let_go", "return answers", "raise"),
    ),
    # Limits
    "a limit is counted for nothing": (("claim_best.sql", "coalesce(slots, ?7)", "?7"),),
    "a limit is looked at before the claim, and not with it": (
        (
            "kiribi.stores._sql_store:SqlStore._claim",
            "rows = await self._write(batch, durable=False)",
            "await self._write(batch[:-2]); rows = await self._write(batch[-2:])",
        ),
    ),
    "a rate is counted for nothing": (
        ("claim_best.sql", "CASE WHEN opens_ms > now THEN 0 ELSE min(", "CASE WHEN 1 THEN min(?7,"),
        ("claim_best.sql", "/ interval_us, ?7)\n    ) END", "/ interval_us + 99, ?7)\n    ) END"),
    ),
    "starts are not counted for the rate": (("0002_gates.sql", "+ NEW.starts * interval_us", ""),),
    "a key does not see what runs": (
        (
            "0002_gates.sql",
            "coalesce(key_concurrency, 1) - (",
            "coalesce(key_concurrency, 1) + 9 - (",
        ),
        ("claim_best.sql", "max(coalesce(key_concurrency, 1), 1)", "9"),
    ),
    # Jobs after others
    "a job runs although others have not ended": (
        ("decide_held.sql", "outcome IS NULL)", "outcome = 'nothing')"),
    ),
    "nobody repairs what was left undone": (
        (
            "kiribi.stores._successors:Successors.repair",
            "left = [(id, None) for id in dict.fromkeys(json.loads(ended))]",
            "ended = held = '[]'; left = []",
        ),
    ),
    # Leases
    "leases are not renewed": (
        ("renew_workers.sql", "SET lease_until = coalesce", "SET slots = 0 * coalesce"),
    ),
    "live workers are buried": (("bury_lapsed.sql", "lease_until <=", "lease_until - 1000 <="),),
    "jobs of live workers are rescued": (
        (
            "kiribi._rescue:rescue",
            "(reason := worker.dead_reason) is not None",
            "(reason := worker.dead_reason or 'no reason') is not None",
        ),
    ),
    "lapsed workers are not buried": (
        ("kiribi._rescue:rescue", "await store.bury_lapsed()", "pass"),
    ),
    "a worker is forgotten before its jobs are settled": (
        ("dismiss_worker.sql", "AND NOT EXISTS", "OR id = ?2 AND NOT EXISTS"),
        (
            "kiribi._rescue:take_back",
            "taken = await store.apply",
            "await store.dismiss(worker); taken = await store.apply",
        ),
    ),
    "jobs of a dead child are left to it": (
        (f"{MEMBER}._settle", "await take_back(self._store, self.id, change)", "pass"),
    ),
    # Enqueueing
    "an answer is given before the commit": (
        (
            "kiribi.stores._writer:Writer._commit",
            "answers = [request.work(self._cursor) for request in group]",
            (
                "answers = [request.work(self._cursor) for request in group]; "
                "_answer([(request, answer, None) for request, answer in zip(group, answers)])"
            ),
        ),
    ),
    "what is accepted is not synced": (
        (
            "kiribi.stores._writer:Writer._commit",
            "any(request.durable for request in group)",
            "False",
        ),
    ),
    "an id that exists is stored again": (
        (
            "insert_jobs.sql",
            "ON CONFLICT DO NOTHING",
            "ON CONFLICT DO UPDATE SET status = 'PENDING', open = 1, worker = NULL",
        ),
    ),
    # The doorbell
    "the doorbell rings before the commit": (
        (
            "kiribi.manager:Kiribi.enqueue_many",
            "new = await self.store.insert(step)",
            "self.queue.ring(); new = await self.store.insert(step)",
        ),
        (
            "kiribi.manager:Kiribi.enqueue_many",
            "self._ring(new)",
            "pass",
        ),
    ),
    "nobody rings for what was settled": (
        (f"{WORKER}._settled", "ring_for(self._bell, batch, taken)", "pass"),
    ),
    "a worker looks first and listens then": (
        (f"{WORKER}._serve", "mark = self._bell.mark()", "pass"),
        (f"{WORKER}._serve", "self._bell.wait(mark,", "self._bell.wait(self._bell.mark(),"),
    ),
    "a worker sleeps without asking when the next is due": (
        (f"{WORKER}._serve", "and not missed and not self", "and not self"),
    ),
    # Steps
    "a step is stored by whoever comes": (
        ("store_step.sql", "AND attempts = ?3 AND worker = ?6", "AND ?3 > 0 AND ?6 > ''"),
    ),
    "a step that is stored runs again": (
        ("kiribi._attempt:Running.once", "if stored is not None:", "if False:"),
    ),
}


RARE = {
    "what is stored seems to have failed": 942,
    "a request to cancel is lost when the attempt fails": 418,
    "nobody repairs what was left undone": 441,
    "a buried worker is enlisted again": 1186,
    "a release spends an attempt": 230,
    "starts are not counted for the rate": 209,
    "missed ticks that are to be left out are run": 2616,
    "the last tick is fired, not each": 1745,
    "a worker is forgotten before its jobs are settled": 151,
    "an outcome is not fenced by the worker": 395,
    "a step of an action is not fenced": 1351,
    "whether the last job has ended is looked at before": 1152,
}
"""Which seed was the first to break these: it is tried before all. One out of date costs time."""
THEMES = {name: theme for theme, mistakes in MISTAKES.items() for name in mistakes}
for some in (*MISTAKES.values(), OVERSIGHTS):
    MUTATIONS.update(some)


@contextmanager
def applied(changes: Sequence[Change]) -> Iterator[None]:
    """Within this, the mistake is made.

    Raises:
        LookupError: the text to be replaced is not there.
    """
    NAMES.learn()
    texts: dict[str, str] = {}
    sources: dict[str, str] = {}
    for where, old, new in changes:
        if where[0].isdigit():
            sources[where] = _replaced(sources.get(where) or _script(where), where, old, new)
        elif where.endswith(".sql"):
            name = where.removesuffix(".sql")
            texts[name] = _replaced(texts.get(name) or _sql(name).text, where, old, new)
        else:
            sources[where] = _replaced(sources.get(where) or _source(where), where, old, new)
    with ExitStack() as stack:
        if texts:
            stack.enter_context(patch.object(sqlite, "statement", _wrong(texts)))
        for where, source in sources.items():
            if where[0].isdigit():
                stack.enter_context(_other_schema(where, source))
                continue
            owner, name, function = _function(where)
            wrong = _compiled(source, function)
            for holder in _holders(owner, name, function):
                stack.enter_context(patch.object(holder, name, wrong))
        yield


def hunt(name: str, number: int) -> tuple[int, str] | None:
    """One of the first `number` seeds that a mutation breaks, and how; None: it survives.

    Of a mistake in what steers jobs, only seeds that dwell on it count.
    """
    theme = THEMES.get(name)
    seeds = (seed for seed in count() if theme is None or theme in _dwelling(seed))
    known = (RARE[name],) if name in RARE else ()
    with applied(MUTATIONS[name]):
        for seed in chain(known, islice(seeds, number)):
            if (failure := run(seed).failure) is not None:
                return seed, failure
    return None


def _dwelling(seed: int) -> tuple[str, str]:
    plan = planned(Random(seed))
    return plan.theme, plan.kind


def _replaced(text: str, where: str, old: str, new: str) -> str:
    if old not in text:
        raise LookupError(f"{where} has no {old!r} any more: where does this mistake live now?")
    return text.replace(old, new)


def _sql(name: str) -> Statement:
    return sqlite.statement("sqlite", name)


def _wrong(texts: dict[str, str]) -> Any:
    right = sqlite.statement
    known = {name: Statement(text, _sql(name).parameters) for name, text in texts.items()}
    NAMES.update({one.text: name for name, one in known.items()})

    @functools.cache
    def statement(dialect: str, name: str) -> Statement:
        return known.get(name) or right(dialect, name)

    return statement


def _script(where: str) -> str:
    return MIGRATIONS.joinpath(where).read_text("utf-8")


@contextmanager
def _other_schema(where: str, script: str) -> Iterator[None]:
    """A database of its own, made with another migration."""
    right = _script(where)
    scripts = [script if one == right else one for one in migrations("sqlite")]
    connection = migrated(scripts)
    with patch.object(database, "_real", lambda: connection):
        yield


def _function(where: str) -> tuple[Any, str, Any]:
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for one in outer:
        owner = getattr(owner, one)
    return owner, name, getattr(owner, name)


def _holders(owner: Any, name: str, function: Any) -> list[Any]:
    """The owner, and for a module's function whoever has imported it."""
    if not inspect.ismodule(owner):
        return [owner]
    modules = [one for key, one in sys.modules.items() if key.startswith("kiribi")]
    return [one for one in modules if vars(one).get(name) is function]


def _source(where: str) -> str:
    return textwrap.dedent(inspect.getsource(_function(where)[2]))


def _compiled(source: str, function: Any) -> Any:
    made: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    code = compile(source, f"mutated {function.__qualname__}", "exec", flags, dont_inherit=True)
    exec(code, function.__globals__, made)
    return made[function.__name__]
