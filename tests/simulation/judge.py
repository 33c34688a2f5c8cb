"""The promise, as a judge sees it who knows everything: asked after every batch, and at rest.

It reads the tables with statements of its own and knows the rules in words of its own; what the
store or `kiribi.lifecycle` believe is no excuse.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.breaker import Budget
from tests.simulation.bulk import Bulk
from tests.simulation.chains import Chains
from tests.simulation.loop import Process
from tests.simulation.pauses import due_after
from tests.simulation.rows import FINAL, HELD, JOBS, STATUSES, WAITING, Row
from tests.simulation.rules import Batch
from tests.simulation.ticks import Ticks
from tests.simulation.uniques import Uniques

from kiribi import Cancel, Discard, Job
from kiribi.errors import LeaseLost

if TYPE_CHECKING:
    from tests.simulation.world import World

PROMPT_MS = 400
"""A due job is claimed within this, where a slot is free and nothing goes wrong."""

NOT_ITS_FAULT = ("KiribiTimeoutError", "ProcessNotStarted")
"""Failures of which the performer itself may know nothing."""

COUNTERS = f"""SELECT binding, {", ".join(f"sum({status.lower()})" for status in STATUSES)}
FROM stat WHERE span_ms IN (0, 60000) GROUP BY binding"""
TALLIES = (
    *("enqueued", "completions", "failures", "retries", "cancellations"),
    *("crashes", "waits", "wait_ms", "runs", "run_ms"),
)
TOTALS = f"""SELECT binding, {", ".join(f"sum({name})" for name in TALLIES)}
FROM stat WHERE span_ms > 0 GROUP BY binding"""
WORKERS = "SELECT id, lease_until, dead_reason FROM worker"
STEPS = "SELECT job_id, value FROM step"
INSERTS = frozenset({"insert_jobs", "insert_one", "insert_unique", "insert_one_unique"})
AT_ONCE = {"FEW": 2, "KEYED": 3}
"""How many of a binding run at a time; of a key it is one."""
STARTS, PER_MS = 6, 1000
"""How many of SLOW may start in how many milliseconds."""
LIMITED = ("FEW", "SLOW", "KEYED", "FRAGILE")
ORPHANS = """SELECT job.id FROM job WHERE status = 'PROCESSING' AND (
  NOT EXISTS (SELECT 1 FROM worker WHERE worker.id = job.worker)
  OR NOT EXISTS (
    SELECT 1 FROM claim, json_each(json_array(json(held), json(fresh))) AS list,
      json_each(list.value) AS one
    WHERE claim.worker = job.worker AND one.value = job.id
  )
)"""


@dataclass(eq=False)
class Execution:
    """A performer at work."""

    id: str
    attempt: int
    worker: str
    process: Process
    over: bool = False
    value: Any = None
    error: BaseException | None = None

    @property
    def live(self) -> bool:
        return not self.over and self.process.alive


class Judge:
    """Attributes:
    jobs: as the transaction under way has them.
    safe: as committed.
    deleted: ids of jobs that somebody has removed, which is allowed.
    ended: how often attempts ended, by outcome.
    touched: jobs that clients have cancelled, retried, run at once or deleted.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.jobs: dict[str, Row] = {}
        self.safe = self.jobs
        self.workers: dict[str, tuple[int, str | None]] = {}
        self._safe_workers = self.workers
        self._steps: dict[str, str] = {}
        self._safe_steps = self._steps
        self.deleted: set[str] = set()
        self.ended: Counter[str] = Counter()
        self._tallies: Counter[tuple[str, str]] = Counter()
        self._told: list[tuple[str, str, int]] = []
        self.touched: set[str] = set()
        self._lost: set[str] = set()
        self._starts: list[int] = []
        self._fresh: set[str] = set()
        self._unsynced: set[str] = set()
        self._waiting_since: dict[str, int] = {}
        self._full = False
        self._slots_full = 0  # when nobody could have taken more, last
        self._serials: dict[int, str] = {}
        self._births: Counter[str] = Counter()
        self._executions: dict[tuple[str, int, int], Execution] = {}
        self._running: dict[str, list[Execution]] = {}
        self._hooked: set[tuple[str, int, int]] = set()
        self.uniques, self.bulk = Uniques(self, world), Bulk(self, world)
        self.chains = Chains(self, world)
        self._rules = (
            self.uniques,
            self.bulk,
            self.chains,
            Ticks(self, world),
            Budget(self, world),
        )

    # The store

    def changed(self, process: Process, names: list[str]) -> None:
        """A batch of `process` has changed something."""
        world = self._world
        now = world.clock.ms()
        real = world.database.real
        if any("worker" in name or name == "bury_lapsed" for name in names):
            self._look_at_workers(real.execute(WORKERS), now)
        if "store_step" in names:
            self._look_at_steps(real.execute(STEPS))
        before, after = self.jobs, {row[0]: Row._make(row) for row in real.execute(JOBS)}
        moved = [row for id, row in after.items() if row != before.get(id)]
        gone = [before[id] for id in before.keys() - after.keys()]
        self.jobs = after
        batch = Batch(process, names, before, after, moved, gone, now)
        for rule in self._rules:
            rule.changed(batch)
        if not moved and not gone:
            self.jobs = before
            return
        if self._full:
            self._slots_full = now
        for row in moved:
            old = before.get(row.id)
            if world.trace is not None:
                was = f"{old.status}/{old.attempts}" if old else "nothing"
                world.note("job", process, f"{row.id} {was} -> {row.status}/{row.attempts}")
            self._sound(row)
            if old is None:
                self._inserted(row, names, now)
            elif "claim_jobs" in names:
                self._claimed(old, row, now)
            elif "apply_changes" in names:
                self._applied(old, row, now)
            elif INSERTS.intersection(names):
                self._fresh.add(row.id)
                self._waiting_since[row.id] = now
                self.uniques.replaced(old, row)
            else:
                self._fail(f"{row.id} was changed by {names}: {old} -> {row}")
        for row in gone:
            self._removed(row, names)
        if "claim_best" in names:
            self._best([row for row in moved if row.status == "PROCESSING"], now)
        self._count(real.execute(COUNTERS))
        if "claim_jobs" in names or "dismiss_worker" in names:
            for (id,) in real.execute(ORPHANS):
                self._fail(f"{id} runs, but nobody would rescue it")
        running = sum(row.status == "PROCESSING" for row in after.values())
        self._full = running >= world.slots

    def committed(self, *, durable: bool) -> bool:
        """What changed is there for all; whether anything has. Durable: a loss of power too."""
        changed = (
            self.safe is not self.jobs
            or self._safe_workers is not self.workers
            or self._safe_steps is not self._steps
        )
        self.safe, self._safe_workers, self._safe_steps = self.jobs, self.workers, self._steps
        for what, name, number in self._told:
            if what == "deleted":
                self.deleted.add(name)
            elif what == "ended":
                self.ended[name] += 1
            elif what == "buried":
                self._lost.add(name)
            elif what == "start":
                self._start(number)
            else:
                self._tallies[name, what] += number
        self._told.clear()
        if durable:
            self._unsynced.clear()
        elif changed:
            self._unsynced |= self._fresh
        self._fresh.clear()
        for rule in self._rules:
            rule.committed()
        return changed

    def rolled_back(self) -> None:
        """It never happened."""
        self.jobs, self.workers, self._steps = self.safe, self._safe_workers, self._safe_steps
        self._told.clear()
        self._fresh.clear()
        for rule in self._rules:
            rule.rolled_back()

    def _sound(self, row: Row) -> None:
        final = row.status in FINAL
        wrong = (
            (row.status not in STATUSES and "its status")
            or ((row.open == 1) == final and "open")
            or (row.rank != row.due - row.priority * 60_000 and "rank")
            or ((row.worker is not None) != (row.status == "PROCESSING") and "worker")
            or (final and row.finished_ms is None and "finished_ms")
            or (row.result is not None and row.status != "COMPLETED" and "result")
            or (row.cancel_requested and row.status != "PROCESSING" and "cancel_requested")
            or (row.status == "COMPLETED" and row.error is not None and "error")
        )
        if wrong:
            self._fail(f"{wrong} is wrong: {row}")

    def _inserted(self, row: Row, names: list[str], now: int) -> None:
        if not INSERTS.intersection(names) or (row.status, row.attempts) != ("PENDING", 0):
            self._fail(f"inserted by {names}: {row}")
        n = json.loads(row.payload)["n"]
        # of a schedule's jobs, there are many
        if n >= 0 and self._serials.setdefault(n, row.id) != row.id:
            other = self._serials[n]
            if other not in self.deleted:
                self._fail(f"job {n} was stored twice: {row.id} and {other}")
            self._serials[n] = row.id
        self._fresh.add(row.id)
        self._births[row.id] += 1
        self._tell("enqueued", row)
        self._waiting_since[row.id] = now

    def _removed(self, row: Row, names: list[str]) -> None:
        by_right = "delete_jobs" in names or "prune_jobs" in names
        if row.status == "PROCESSING" or not by_right:
            self._fail(f"lost by {names}: {row}")
        self._told.append(("deleted", row.id, 1))

    def _claimed(self, old: Row, row: Row, now: int) -> None:
        lease, dead = self.workers.get(row.worker or "", (0, "unknown"))
        if old.status not in WAITING or row.status != "PROCESSING":
            self._fail(f"claimed while {old.status}: {row}")
        elif dead is not None or lease <= now:
            self._fail(f"claimed by a worker without a lease ({dead}): {row}")
        elif row.attempts != old.attempts + 1 or row.started_ms != now:
            self._fail(f"claimed, but not counted: {old} -> {row}")
        elif old.due > now:
            self._fail(f"claimed {old.due - now} ms before it was due: {row}")
        elif row.binding in self._paused():
            self._fail(f"claimed while its binding is paused: {row}")
        same = ("failures", "crashes", "due", "history", "priority", "cancel_requested", "payload")
        if any(getattr(old, name) != getattr(row, name) for name in same):
            self._fail(f"a claim changed more than it may: {old} -> {row}")
        self._tell("waits", row)
        self._tell("wait_ms", row, now - old.due)
        if row.binding in LIMITED:
            self._limits(row)
            if row.binding == "SLOW":
                self._told.append(("start", row.binding, now))
            return
        since = max(old.due, self._waiting_since[row.id], self._slots_full)
        if self._world.plan.calm and now - since > PROMPT_MS:
            self._fail(f"due and with a free slot for it, it waited {now - since} ms: {row}")

    def _limits(self, row: Row) -> None:
        running = [
            one
            for one in self.jobs.values()
            if one.status == "PROCESSING" and one.binding == row.binding
        ]
        if len(running) > AT_ONCE.get(row.binding, len(running)):
            self._fail(f"{len(running)} of {row.binding} run at a time: {row}")
        if row.key is not None and sum(one.key == row.key for one in running) > 1:
            self._fail(f"two of the key {row.key} run at a time: {row}")

    def _start(self, now: int) -> None:
        self._starts = [at for at in self._starts if now - PER_MS < at <= now]
        self._starts.append(now)
        if len(self._starts) > STARTS:
            self._fail(f"{len(self._starts)} starts of SLOW within {PER_MS} ms: {self._starts}")

    def _best(self, claimed: list[Row], now: int) -> None:
        claimed = [row for row in claimed if row.binding not in LIMITED]
        if not claimed:
            return
        paused = self._paused()
        worst = max(claimed, key=lambda row: row.rank)
        for row in self.jobs.values():
            if row.binding in LIMITED:
                continue
            if row.status in WAITING and row.rank < worst.rank and row.due <= now:
                same_pool = (row.binding == "ISOLATED") == (worst.binding == "ISOLATED")
                if same_pool and row.binding not in paused:
                    self._fail(f"claimed {worst} before {row}")

    def _applied(self, old: Row, row: Row, now: int) -> None:
        if row.attempts != old.attempts:
            self._fail(f"attempts changed without a claim: {old} -> {row}")
        if row.status in WAITING:
            self._waiting_since[row.id] = now
        if row.status == "CANCELLED":
            self._tell("cancellations", row)
        if old.status == "PROCESSING" and row.status != "PROCESSING":
            self._attempt_ended(old, row, now)
            return
        if row.history != old.history:
            self._fail(f"history changed, though no attempt ended: {old} -> {row}")
        match old.status, row.status:
            case "PROCESSING", "PROCESSING":
                if old._replace(cancel_requested=1) != row:
                    self._fail(f"a request to cancel changed more: {old} -> {row}")
            case (("PENDING" | "RETRY_PENDING"), "CANCELLED"):
                pass
            case (("COMPLETED" | "FAILED" | "CANCELLED"), "PENDING"):
                if (row.failures, row.crashes) != (0, 0) or row.error or row.due not in (now, HELD):
                    self._fail(f"retried, but not from zero: {old} -> {row}")
            case "PENDING", "PENDING" if old.due == HELD:
                pass
            case was, now_is:
                if was != now_is or was not in WAITING or row.due != now:
                    self._fail(f"no such transition: {old} -> {row}")

    def _attempt_ended(self, old: Row, row: Row, now: int) -> None:
        past, present = json.loads(old.history or "[]"), json.loads(row.history or "[]")
        number, outcome, started, finished, worker, _ = present[-1] if present else [None] * 6
        if present[:-1] != past[-19:] or (number, started, finished, worker) != (
            old.attempts,
            old.started_ms,
            now,
            old.worker,
        ):
            self._fail(f"history is wrong: {old} -> {row}")
        self._told.append(("ended", outcome, 1))
        if outcome != "crashed":
            self._tell("runs", row)
            self._tell("run_ms", row, max(0, now - (old.started_ms or 0)))
        execution = self._executions.get(self._key(row.id, old.attempts))
        buried = self.workers.get(old.worker or "", (0, "gone"))[1] is not None
        if execution is not None and execution.live and not buried:
            self._fail(f"{outcome}, while it still runs on a live worker: {row}")
        if old.cancel_requested and row.status not in FINAL:
            self._fail(f"asked to stop, it goes on: {old} -> {row}")
        failures, crashes = row.failures - old.failures, row.crashes - old.crashes
        spent = {"failed": (1, 0), "crashed": (0, 1)}.get(outcome, (0, 0))
        if (failures, crashes) != spent:
            self._fail(f"{outcome} spent {failures} failures, {crashes} crashes: {row}")
        expected = self._expected(outcome, old, row, execution, buried=buried)
        if row.status not in expected:
            self._fail(f"{outcome} leads to {row.status}, not {expected}: {old} -> {row}")
        due = due_after(outcome, old, row, execution and execution.error, now)
        if row.due != due:
            self._fail(f"{outcome}, it is due {row.due - due} ms too late: {old} -> {row}")
        tallied = {"completed": "completions", "failed": "failures", "crashed": "crashes"}
        if outcome in tallied:
            self._tell(tallied[outcome], row)
        if outcome == "failed" and row.status == "RETRY_PENDING":
            self._tell("retries", row)

    def _expected(
        self, outcome: str, old: Row, row: Row, execution: Execution | None, *, buried: bool
    ) -> tuple[str, ...]:
        """The statuses that the end of an attempt may lead to; none: it did not end like this."""
        error = None if execution is None else execution.error
        over = execution is not None and execution.over
        on = "CANCELLED" if old.cancel_requested else None
        match outcome:
            case "completed":
                mine = over and error is None and execution is not None
                return (
                    ("COMPLETED",)
                    if mine and json.loads(row.result or "null") == execution.value
                    else ()
                )
            case "failed":
                how = json.loads(row.error or "[null]")[0]
                if how not in NOT_ITS_FAULT and (not over or error is None):
                    return ()
                most = json.loads(row.options or "{}").get("max_attempts", 3)
                final = row.failures >= most or old.cancel_requested or isinstance(error, Discard)
                return ("FAILED",) if final else ("RETRY_PENDING",)
            case "snoozed":
                return (on or "PENDING",) if over and error is not None else ()
            case "released":
                return (on or ("RETRY_PENDING" if row.failures or row.crashes else "PENDING"),)
            case "crashed":
                # A slot may die after it has said that it begins, and before it does.
                dead = execution is None or not execution.process.alive
                if not buried and not (dead and "WorkerCrashed" in (row.error or "")):
                    return ()
                return ("FAILED",) if row.crashes >= 3 else (on or "RETRY_PENDING",)
            case "cancelled":
                asked = old.cancel_requested or isinstance(error, Cancel)
                return ("CANCELLED",) if asked else ()
            case _:
                return ()

    def _look_at_workers(self, rows: Any, now: int) -> None:
        workers = {id: (until, reason) for id, until, reason in rows}
        for id, (_, reason) in workers.items():
            until, before = self.workers.get(id, (0, None))
            if reason is None and id in self._lost:
                self._fail(f"worker {id} was buried, and is back")
            if reason is None or before is not None:
                continue
            self._told.append(("buried", id, 1))
            if reason == "its lease lapsed":
                if until > now:
                    self._fail(f"worker {id} was buried {until - now} ms before its lease lapsed")
                elif self._world.harmless:
                    self._fail(f"worker {id} was buried, though nothing kept it from renewing")
            elif self._world.lives(id):
                self._fail(f"worker {id} was buried ({reason}), but its process lives")
        if workers != self.workers:
            self.workers = workers

    def _look_at_steps(self, rows: Any) -> None:
        steps = dict(rows)
        for id, value in steps.items():
            old = self._steps.get(id)
            if old is None:
                row, attempt = self.jobs[id], json.loads(value)["attempt"]
                if (row.status, row.attempts) != ("PROCESSING", attempt):
                    self._fail(f"attempt {attempt} stored a step after its end: {row}")
            elif old != value:
                self._fail(f"a stored step was stored again: {id}: {old} -> {value}")
        self._steps = steps

    def _count(self, rows: Any) -> None:
        counted = {
            (row[0], status): number
            for row in rows
            for status, number in zip(STATUSES, row[1:], strict=True)
            if number
        }
        real = Counter((row.binding, row.status) for row in self.jobs.values())
        if counted != real:
            self._fail(f"counters say {counted}, there are {dict(real)}")

    def _paused(self) -> set[str]:
        rows = self._world.database.real.execute("SELECT name FROM binding WHERE paused = 1")
        return {name for (name,) in rows}

    def _tell(self, what: str, row: Row, number: int = 1) -> None:
        self._told.append((what, row.binding, number))

    # Clients

    def accepted(self, id: str, n: int) -> None:
        """`enqueue` has returned."""
        row = self.safe.get(id)
        if row is None:
            if id not in self.deleted:
                self._fail(f"job {n} was accepted and is not there: {id}")
        elif (
            json.loads(row.payload)["n"] != n
            and self._serials.get(n) != row.id
            and not self.uniques.overwrites(n, row)
        ):
            self._fail(f"job {n} was accepted, stored is {row}")
        elif id in self._unsynced:
            self._fail(f"job {n} was accepted, and a loss of power would undo it")

    def refused(self, n: int) -> None:
        """`enqueue` has raised, and nobody else has asked for this job."""
        if any(json.loads(row.payload)["n"] == n for row in self.safe.values()):
            self._fail(f"job {n} was refused, and is there")

    def answered(self, id: str, result: Any) -> None:
        """`result` has returned."""
        row = self.safe.get(id)
        if (
            row is not None
            and row.status == "COMPLETED"
            and json.loads(row.result or "null") != result
        ):
            self._fail(f"the result {result} is not that of {row}")

    def waits_in_vain(self) -> bool:
        """Whether a job waits for one that has failed."""
        return any(row.due == HELD and row.open for row in self.safe.values())

    # Performers and hooks

    def begins(self, job: Job) -> Execution:
        """An attempt begins its work."""
        key = self._key(job.id, job.attempts)
        process = self._world.loop.process
        self._world.note("begin", process, f"{job.id}/{job.attempts}")
        execution = Execution(job.id, job.attempts, job.worker or "", process)
        if key in self._executions:
            self._fail(f"attempt {job.attempts} of {job.id} runs twice")
        row = self.safe.get(job.id)
        mine = row is not None and (row.status, row.attempts) == ("PROCESSING", job.attempts)
        if not mine and not self._buried(execution.worker):
            self._fail(f"attempt {job.attempts} begins without a right to: {row}")
        others = [one for one in self._running.get(job.id, ()) if one.live]
        for other in others:
            if not self._buried(other.worker):
                self._fail(f"attempts {other.attempt} and {job.attempts} of {job.id} run at a time")
        self._executions[key] = execution
        self._running[job.id] = [*others, execution]
        return execution

    def ends(self, execution: Execution, how: Any) -> None:
        """An attempt's work is over."""
        if execution.process.alive:
            execution.over = True
            if isinstance(how, BaseException):
                execution.error = how
                row = self.safe.get(execution.id)
                now = ("PROCESSING", execution.attempt)
                still = row is not None and (row.status, row.attempts) == now
                if isinstance(how, LeaseLost) and still and not self._buried(execution.worker):
                    self._fail(f"a step was refused to the attempt that runs: {row}")
            else:
                execution.value = how
            self._world.note(
                "end", execution.process, f"{execution.id}/{execution.attempt} {type(how).__name__}"
            )

    def once(self, job: Job, value: Any) -> None:
        """A step has returned `value`."""
        stored = self._safe_steps.get(job.id)
        if job.id not in self.deleted and (stored is None or json.loads(stored) != value):
            self._fail(f"once gave {value}, stored is {stored}")

    def hooked(self, what: str, meta: Any) -> None:
        """A hook was called for an attempt that ended as `what`."""
        key = self._key(meta.id, meta.attempts)
        self._world.note("hook", self._world.loop.process, f"{meta.id}/{meta.attempts} {what}")
        if key in self._hooked:
            self._fail(f"hooks were called twice for attempt {meta.attempts} of {meta.id}")
        self._hooked.add(key)
        row = self.safe.get(meta.id)
        if row is None:
            if meta.id not in self.deleted:
                self._fail(f"a hook was called for no job: {meta.id}")
            return
        outcomes = {number: outcome for number, outcome, *_ in json.loads(row.history or "[]")}
        if outcomes.get(meta.attempts, what if len(outcomes) == 20 else None) != what:
            self._fail(f"a hook heard {what} of attempt {meta.attempts}, stored is {row}")

    # At rest

    def at_rest(self) -> None:
        """Nothing goes on any more."""
        for row in self.safe.values():
            if row.status not in FINAL:
                self._fail(f"it has not ended: {row}")
        if self.bulk.running:
            self._fail("a bulk action has not ended")
        for id, (_, reason) in self._safe_workers.items():
            self._fail(f"worker {id} was left behind ({reason})")
        rows = self._world.database.real.execute(TOTALS).fetchall()
        told = {
            (row[0], name): number
            for row in rows
            for name, number in zip(TALLIES, row[1:], strict=True)
            if number
        }
        real = {key: number for key, number in self._tallies.items() if number}
        if told != real:
            wrong = {key: (told.get(key), real.get(key)) for key in told.keys() | real.keys()}
            wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
            self._fail(f"statistics (told, real): {wrong}")

    def _key(self, id: str, attempt: int) -> tuple[str, int, int]:
        """Of an attempt: a job may be deleted, and its id used again."""
        return id, self._births[id], attempt

    def _buried(self, worker: str) -> bool:
        """Whether it has ever lost its lease: what it began before may run on for a moment."""
        return worker in self._lost or self._safe_workers.get(worker, (0, "gone"))[1] is not None

    def _fail(self, why: str) -> None:
        self._world.fail(why)
