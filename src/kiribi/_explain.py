"""Why a job is where it is: pure, from what the store says.

Each reason is a function of its own, from the `Situation` to a `Reason` or None. Those that can
hold a waiting job stand in `HOLDS`, in the order in which they are told: first what the job itself
waits for, then what somebody has to do, then what passes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kiribi.job import HELD_MS, Job, JobStatus, utc
from kiribi.ports import Gate, Situation, WorkerInfo


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds a job.

    Attributes:
        code: for programs.
        message: for people.
        params: what the message speaks of, as JSON: durations in seconds, times as ISO 8601.
    """

    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Explanation:
    """A job and why it is not running (or what is going on with it), the strongest reason first."""

    job: Job
    reasons: tuple[Reason, ...]


Rule = Callable[[Situation], Reason | None]


def explained(situation: Situation) -> Explanation:
    """What holds the job, the strongest reason first."""
    job = situation.job
    if job.status.is_final:
        return Explanation(job, (_ended(job), *_about(situation)))
    rules = RUNS if job.status is JobStatus.PROCESSING else HOLDS
    reasons = [reason for rule in rules if (reason := rule(situation)) is not None]
    return Explanation(job, (*(reasons or (WAITING_FOR_SLOT,)), *_about(situation)))


def _about(situation: Situation) -> Sequence[Reason]:
    """What is said last: it does not hold the job."""
    told = (rule(situation) for rule in (_unique_key, _made_by))
    return [reason for reason in told if reason is not None]


def _unique_key(situation: Situation) -> Reason | None:
    job, unique = situation.job, situation.unique
    if unique is None:
        return None
    ms = unique.held_until_ms
    until = "" if ms is None else f", until {utc(ms):%Y-%m-%d %H:%M:%S} UTC at most"
    if unique.holder is None:
        why = f"Nobody holds its unique key {unique.key}."
    elif unique.holder == job.id:
        statuses = f"{', '.join(unique.states[:-1])} or {unique.states[-1]}".removeprefix(" or ")
        why = f"It holds the unique key {unique.key} while it is {statuses}{until}."
    else:
        then = "; retry is refused meanwhile" if job.status.is_final else ""
        why = f"Job {unique.holder} holds its unique key {unique.key}{until}{then}."
    end = None if ms is None else _iso(ms)
    return Reason("unique_key", why, {"key": unique.key, "holder": unique.holder, "until": end})


def _made_by(situation: Situation) -> Reason | None:
    job = situation.job
    if job.schedule is None:
        return None
    tick = job.options.get("tick")
    told = {"schedule": job.schedule, "tick": None if tick is None else _iso(tick)}
    what = f"for its tick of {job.tick_at:%Y-%m-%d %H:%M:%S} UTC" if tick is not None else "at once"
    return Reason("scheduled", f"The schedule {job.schedule} made it {what}.", told)


# Waiting


def _waits_for_jobs(situation: Situation) -> Reason | None:
    if situation.job.due_ms < HELD_MS:
        return None
    if not situation.waits:
        why = "What it waited for has ended; the next tick lets it go."
        return Reason("waits_for_jobs", why, {"jobs": [], "count": 0})
    several = "job" if situation.waits == 1 else "jobs"
    some = ", ".join(f"{id} ({status})" for id, status in situation.waits_for)
    more = situation.waits - len(situation.waits_for)
    return Reason(
        "waits_for_jobs",
        f"It waits for {situation.waits} {several}: {some}{f' and {more} more' if more else ''}.",
        {"jobs": [id for id, _ in situation.waits_for], "count": situation.waits},
    )


def _due_later(situation: Situation) -> Reason | None:
    job = situation.job
    if job.due_ms >= HELD_MS:
        return None
    wait = (job.due_ms - situation.now_ms) / 1000
    if wait <= 0:
        return None
    what = "retry" if job.status is JobStatus.RETRY_PENDING else "run"
    at = f"{job.due_at:%Y-%m-%d %H:%M:%S} UTC"
    return Reason(
        "due_later",
        f"Its {what} is due in {wait:,.0f} s, at {at}.",
        {"seconds": wait, "at": _iso(job.due_ms)},
    )


def _paused(situation: Situation) -> Reason | None:
    binding = situation.binding
    if binding is None or not binding.paused:
        return None
    return Reason("paused", f"{binding.name} is paused; resume it.", {"binding": binding.name})


def _unserved(situation: Situation) -> Reason | None:
    name = situation.job.binding
    if any(name in worker.bindings for worker in situation.workers if _lives(worker)):
        return None
    seen = situation.binding.last_seen_ms if situation.binding else None
    return Reason(
        "unserved",
        f"No live worker serves {name}.",
        {"binding": name, "seen": None if seen is None else _iso(seen)},
    )


def _breaker_open(situation: Situation) -> Reason | None:
    if situation.probe_ms is None:
        return None
    name, running = situation.job.binding, situation.gate.running
    wait = max(0, situation.probe_ms - situation.now_ms) / 1000
    then = f"the next job may probe in {wait:,.0f} s"
    if not wait:
        then = "a job probes now" if running else "the next job may probe now"
    return Reason(
        "breaker_open",
        f"The breaker of {name} is open after {situation.streak} failures in a row: {then}.",
        {
            "binding": name,
            "failures": situation.streak,
            "seconds": wait,
            "at": _iso(situation.probe_ms),
            "holders": list(situation.gate.holders),
        },
    )


def _limit_full(situation: Situation) -> Reason | None:
    # while the breaker is open one may run, whatever the limit
    return None if situation.probe_ms is not None else _full(situation, situation.gate)


def _key_limit_full(situation: Situation) -> Reason | None:
    return _full(situation, situation.key_gate)


def _full(situation: Situation, gate: Gate | None) -> Reason | None:
    if gate is None or gate.concurrency is None or gate.running < gate.concurrency:
        return None
    some = ", ".join(gate.holders)
    more = gate.running - len(gate.holders)
    return Reason(
        "limit_full" if gate.key is None else "key_limit_full",
        f"At most {gate.concurrency} of {_whose(situation, gate)} may run at a time, and "
        f"{gate.running} {'does' if gate.running == 1 else 'do'}: "
        f"{some}{f' and {more} more' if more > 0 else ''}.",
        {
            **_named(situation, gate),
            "limit": gate.concurrency,
            "running": gate.running,
            "holders": list(gate.holders),
        },
    )


def _rate_limited(situation: Situation) -> Reason | None:
    return _too_soon(situation, situation.gate)


def _key_rate_limited(situation: Situation) -> Reason | None:
    return _too_soon(situation, situation.key_gate)


def _too_soon(situation: Situation, gate: Gate | None) -> Reason | None:
    if gate is None or gate.opens_ms <= situation.now_ms:
        return None
    wait = (gate.opens_ms - situation.now_ms) / 1000
    return Reason(
        "rate_limited" if gate.key is None else "key_rate_limited",
        f"The rate of {_whose(situation, gate)} is used up: the next may start in {wait:,.3g} s.",
        {**_named(situation, gate), "seconds": wait, "at": _iso(gate.opens_ms)},
    )


def _whose(situation: Situation, gate: Gate) -> str:
    name = situation.job.binding
    return name if gate.key is None else f"{name} with the key {gate.key!r}"


def _named(situation: Situation, gate: Gate) -> dict[str, Any]:
    named = {"binding": situation.job.binding}
    return named if gate.key is None else {**named, "key": gate.key}


WAITING_FOR_SLOT = Reason(
    "waiting_for_slot", "It is due: it runs as soon as a slot is free before it."
)
"""What is left when nothing else holds it."""

HOLDS: Sequence[Rule] = (
    _waits_for_jobs,
    _due_later,
    _paused,
    _unserved,
    _breaker_open,
    _limit_full,
    _key_limit_full,
    _rate_limited,
    _key_rate_limited,
)
"""What may hold a waiting job, the strongest first."""


# Running


def _cancelling(situation: Situation) -> Reason | None:
    if not situation.job.cancel_requested or not any(map(_lives, _its_worker(situation))):
        return None
    return Reason("cancelling", "It was asked to stop and has not ended yet.")


def _on_worker(situation: Situation) -> Reason:
    id = situation.job.worker
    for worker in _its_worker(situation):
        where = f"on {worker.host} (process {worker.pid})"
        seconds = max(0, worker.lease_ms) / 1000
        told = {"worker": id, "host": worker.host, "pid": worker.pid, "seconds": seconds}
        if worker.dead_reason is not None:
            why = f"Its worker is dead ({worker.dead_reason}); rescue is due."
            return Reason("worker_lost", why, {**told, "seconds": 0.0})
        if worker.lease_ms <= 0:
            why = f"Its worker {where} stopped renewing; rescue is due."
            return Reason("lease_lapsed", why, told)
        why = f"It runs {where}; were that lost, rescue would follow in {seconds:.0f} s."
        return Reason("running", why, told)
    why = "Its worker is gone; the next rescue takes the job back."
    return Reason("worker_lost", why, {"worker": id, "seconds": 0.0})


RUNS: Sequence[Rule] = (_cancelling, _on_worker)
"""What may be said of a running job."""


# Ended


def _ended(job: Job) -> Reason:
    if job.status is JobStatus.COMPLETED:
        told = {"attempts": job.attempts}
        return Reason("completed", f"It completed in its attempt {job.attempts}.", told)
    if job.status is JobStatus.CANCELLED:
        why = f": {job.error.message}" if job.error and job.error.type == "NotRun" else ""
        return Reason("cancelled", f"It was cancelled{why}; retry runs it again.")
    last = f"{job.error.type}: {job.error.message}" if job.error else "no error was stored"
    if job.reason == "crashed":
        exit = job.error and job.error.exit
        died = (
            {"signal": exit.signal, "code": exit.code, "memory": exit.peak_memory} if exit else {}
        )
        return Reason(
            "crashed",
            f"It took down its worker {job.crashes} times and is kept apart; retry lets it run "
            f"again. The last: {last}",
            {"crashes": job.crashes, **died},
        )
    counts = [_counted(job.failures, "failure"), _counted(job.crashes, "crash", "crashes")]
    count = " and ".join(filter(None, counts)) or "no attempt"
    told = {"failures": job.failures, "crashes": job.crashes}
    return Reason("failed", f"It failed for good after {count}; the last: {last}", told)


def _its_worker(situation: Situation) -> list[WorkerInfo]:
    return [worker for worker in situation.workers if worker.id == situation.job.worker]


def _lives(worker: WorkerInfo) -> bool:
    return worker.dead_reason is None and worker.lease_ms > 0


def _iso(ms: int) -> str:
    return utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _counted(number: int, one: str, many: str | None = None) -> str:
    """`1 failure`, `2 failures`; nothing for none."""
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""
