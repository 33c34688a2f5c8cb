"""Mistakes in what steers jobs. Each has to break the promise in seeds that dwell on that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Change = tuple[str, str, str]
"""Where (`name.sql`, a migration or `module:function`), what is there, and what instead."""

STORE, SUCCESSORS = "kiribi.stores._sql_store:SqlStore", "kiribi.stores._successors:Successors"

UNIQUE: dict[str, Sequence[Change]] = {
    "a key is looked at before the insert, and not with it": (
        ("0003_unique.sql", "CREATE UNIQUE INDEX", "CREATE INDEX"),
        ("release_keys.sql", "SET unique_held = NULL", "SET unique_held = unique_held"),
        (
            f"{STORE}._insert",
            "rows = await write(call.statements)",
            (
                "held = await self._rows('standing_keys', dumps(call.uniques.keys))\n"
                "        if held:\n"
                "            return [replace((await self.find([held[0][1]]))[0], duplicate=True)]\n"
                "        rows = await write(call.statements)"
            ),
        ),
    ),
    "a key is released too early": (
        (
            "release_keys.sql",
            "status NOT IN (SELECT value FROM json_each(unique_states))",
            "true",
        ),
    ),
    "a key is held for longer than it should": (
        ("release_keys.sql", "unique_until <= now OR ", ""),
    ),
    "a retry takes a key that another holds": (
        ("kiribi._actions:key_held", "return {id: Duplicate", "return {} and {id: Duplicate"),
        ("apply_changes.sql", "OR unique_held = 1 OR unique_until <= now", "OR true"),
        ("apply_stat.sql", "OR unique_held = 1 OR unique_until <= now", "OR true"),
    ),
    "a replacement changes a job that runs": (
        ("change_holders.sql", "AND status IN ('PENDING', 'RETRY_PENDING')", ""),
        ("holder_stat.sql", "WHERE status IN ('PENDING', 'RETRY_PENDING')", ""),
    ),
    "a replacement keeps the old content": (
        (
            "change_holders.sql",
            "payload = iif(replaces, content.payload, job.payload)",
            "payload = job.payload",
        ),
    ),
}
TICKS: dict[str, Sequence[Change]] = {
    "a schedule is fired without compare-and-set": (
        (
            "refuse_schedules.sql",
            "FROM json_each(?2) AS was",
            "FROM json_each(iif(?2, '[]', '[]')) AS was",
        ),
    ),
    "a schedule moves on before its jobs are stored": (
        (
            "kiribi.stores._schedules:ScheduleTable.change_schedules",
            "return (await self._write([*first, *batch]))[len(first) :]",
            "await self._write(first); return await self._write(batch)",
        ),
    ),
    "missed ticks that are to be left out are run": (
        ("kiribi.schedule:due", 'if late and missed == "skip":', "if False:"),
    ),
    "of missed ticks, all are run": (
        ("kiribi.schedule:due", 'if late and missed == "once":', "if False:"),
    ),
    "whether the last job has ended is looked at before": (
        (
            "kiribi.stores._schedules:_expected",
            "alone = bool(change.jobs) and not was.schedule.overlap",
            "alone = False",
        ),
    ),
    "an edit keeps the ticks of before": (
        (
            "kiribi._schedules:Schedules.edit",
            "return replace(info, definition=text, next_ms=following(whole.when, info, now))",
            "return replace(info, definition=text)",
        ),
    ),
    "the last tick is fired, not each": (
        (
            "kiribi.schedule:due",
            "return last(when, next_ms, now_ms, MOST_MISSED)",
            "return last(when, next_ms, now_ms, 1)",
        ),
    ),
}
BULK: dict[str, Sequence[Change]] = {
    "where an action is, is stored before its step": (
        (
            "kiribi.stores._action_table:ActionTable.advance",
            "rows = await self._write(batch)",
            (
                "rows = await self._write(batch[: first + 1]); "
                "rows += await self._write(batch[first + 1 :])"
            ),
        ),
    ),
    "what an action did is counted twice": (
        ("advance_action.sql", "done = done + took + number", "done = done + took + took + number"),
    ),
    "a step of an action is not fenced": (
        ("refuse_step.sql", "SELECT ?2 WHERE NOT EXISTS", "SELECT ?2 WHERE 0 AND NOT EXISTS"),
    ),
    "an action goes for jobs enqueued after it": (
        ("begin_action.sql", "now + ?6, ?2 FROM", "now + ?6, NULL FROM"),
    ),
    "an action forgets jobs that changed meanwhile": (
        ("advance_action.sql", "missed = change.missed,", "missed = '[]',"),
        ("advance_action.sql", "AND change.missed = '[]'", ""),
    ),
    "an action overlooks jobs": (
        (
            "kiribi._carrier:step",
            "list(page.jobs), page.next, len(page.jobs), 0",
            "list(page.jobs)[1:], page.next, len(page.jobs[1:]), 0",
        ),
    ),
    "an action is not gone on with by another": (
        ("take_action.sql", "AND lease_until <= now", "AND lease_until < 0 * now"),
    ),
}
CHAINS: dict[str, Sequence[Change]] = {
    "a failure lets go of those that were to be cancelled": (
        (
            "decide_held.sql",
            "outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'cancel'",
            "outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'never'",
        ),
    ),
    "a failure lets go of those that were to wait": (
        (
            "decide_held.sql",
            "outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'wait'",
            "outcome IN ('FAILED', 'CANCELLED') AND if_failed = 'never'",
        ),
    ),
    "a failure cancels what was to run all the same": (
        ("decide_held.sql", "AND if_failed = 'cancel' LIMIT 1", "AND if_failed <> 'wait' LIMIT 1"),
    ),
    "jobs after others are due at once": (
        ("kiribi.stores._insertion:Insertion.__init__", "times = [0, HELD_MS]", "pass"),
    ),
    "nobody looks for those whose predecessors have ended before": (
        (f"{SUCCESSORS}.enqueued", "await self._followed((), held)", "pass"),
        (f"{SUCCESSORS}.repair", "waiting: list[str] = json.loads(held)", "waiting = []"),
        (
            f"{SUCCESSORS}.repair",
            "left = [(id, None) for id in dict.fromkeys(json.loads(ended))]",
            "left = []",
        ),
    ),
}
BUDGET: dict[str, Sequence[Change]] = {
    "an open breaker lets two probe": (
        (
            "0002_gates.sql",
            "iif(probe_at_ms IS NULL, concurrency, 1)",
            "iif(probe_at_ms IS NULL, concurrency, 2)",
        ),
    ),
    "an open breaker does not wait": (("0002_gates.sql", "coalesce(probe_at_ms, 0)", "0"),),
    "failures are counted by the batch, as each worker sees them": (
        ("0002_gates.sql", "0, streak + NEW.failures)", "0, NEW.failures)"),
        ("0002_gates.sql", "OR streak + NEW.failures >= budget", "OR NEW.failures >= budget"),
    ),
    "a probe that fails closes the breaker": (
        (
            "0002_gates.sql",
            "WHEN probe_at_ms IS NOT NULL OR streak + NEW.failures >= budget",
            "WHEN probe_at_ms IS NULL AND streak + NEW.failures >= budget",
        ),
    ),
}
LEASES: dict[str, Sequence[Change]] = {
    "a buried worker is enlisted again": (
        (
            "kiribi.runtimes.member:Member._converse",
            "if not await self._store.renew_as(self._worker, self._lease_ms):",
            "if not await self._store.renew([self.id], self._lease_ms):",
        ),
        (
            "kiribi.runtimes.member:Member._converse",
            "kept = {JobStatus",
            "await self._store.enlist(self._worker, self._lease_ms); kept = {JobStatus",
        ),
    ),
    "an outcome is not fenced by the worker": (
        (
            "apply_changes.sql",
            "coalesce(worker, job.status) = holder",
            "job.status = iif(length(holder) > 15, 'PROCESSING', holder)",
        ),
        (
            "apply_stat.sql",
            "coalesce(worker, job.status) = holder",
            "job.status = iif(length(holder) > 15, 'PROCESSING', holder)",
        ),
    ),
}
MISTAKES: Mapping[str, Mapping[str, Sequence[Change]]] = {
    "unique": UNIQUE,
    "ticks": TICKS,
    "bulk": BULK,
    "chains": CHAINS,
    "budget": BUDGET,
    "lapsed": LEASES,
}
"""By the theme of the seeds, or the kind of what goes wrong in them."""
