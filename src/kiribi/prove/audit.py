"""Each job of the store beside what the outside has seen of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, cast

from kiribi import Job, JobStatus, Kiribi, Outcome
from kiribi.job import MAX_CRASHES
from kiribi.prove import evidence
from kiribi.prove.account import Account
from kiribi.prove.app import MAX_ATTEMPTS, tick_token
from kiribi.prove.crossing import Crossings
from kiribi.prove.evidence import Evidence, Run, Seen
from kiribi.prove.plan import Plan

PART = 200_000
"""Jobs looked at together."""
PAGE = 1_000
RESCUE_SECONDS = 30.0
KEPT = 20
"""Attempts in a job's history."""
MS = 1_000_000
"""Nanoseconds."""
HOW = {Outcome.COMPLETED: "returned", Outcome.FAILED: "raised"}


async def audit(kiribi: Kiribi, plan: Plan, account: Account) -> None:
    """Compare the store with the journal; fill in the account."""
    parts = 1 + evidence.accepted(plan.journal) // PART
    crossings = Crossings(account, plan.unsure_ns)
    recorded: Counter[tuple[str, str]] = Counter()
    for part in range(parts):
        listed = [id async for id in _listed(kiribi) if evidence.in_part(id, part, parts)]
        seen = evidence.read(plan.journal, part, parts, listed)
        auditor = Auditor(account, seen, crossings, recorded, MS + plan.unsure_ns)
        ids = list(seen.jobs)
        for place in range(0, len(ids), PAGE):
            page = ids[place : place + PAGE]
            jobs = {job.id: job for job in await kiribi.store.find(page)}
            for id in page:
                auditor.compare(id, jobs.get(id))
    crossings.judge()
    await _statistics(kiribi, recorded, account)


async def _listed(kiribi: Kiribi) -> AsyncIterator[str]:
    """The ids that the store has."""
    before = None
    while True:
        page = await kiribi.find_many(before=before, limit=PAGE)
        for job in page.jobs:
            yield job.id
        if page.next is None:
            return
        before = page.next


class Auditor:
    """Compares one job after the other. `slack`: nanoseconds by which the times may be wrong."""

    def __init__(
        self,
        account: Account,
        evidence: Evidence,
        crossings: Crossings,
        recorded: Counter[tuple[str, str]],
        slack: int,
    ) -> None:
        self._account = account
        self._evidence = evidence
        self._crossings = crossings
        self._recorded = recorded
        self._slack = slack

    def compare(self, id: str, job: Job | None) -> None:
        """One job."""
        seen, account = self._evidence.jobs[id], self._account
        account.accepted += seen.accepted is not None
        account.attempts += len(seen.runs)
        account.again += len(seen.runs) > 1
        for attempt in seen.again:
            account.found("run twice", f"job {id}, attempt {attempt}")
        if job is None:
            if seen.accepted is not None or seen.found:
                account.found("lost", f"job {id} ({seen.token}) was accepted and is not there")
            elif seen.runs:
                account.found("lost", f"job {id} ({seen.token}) was begun and is not there")
            return
        token = self._token(job, seen)
        if token in self._evidence.refused:
            account.found("refused", f"job {id} ({token}) is stored, though `enqueue` raised")
        self._count(job)
        self._outcomes(job, seen, token)
        self._end(job, seen, token)
        self._crossings.add(job, seen, token)

    def _token(self, job: Job, seen: Seen) -> str:
        if job.tick_at is not None:
            return tick_token(job.tick_at)
        return seen.token or cast("dict[str, str]", job.payload)["token"]

    def _count(self, job: Job) -> None:
        account, recorded, binding = self._account, self._recorded, job.binding
        account.completed += job.status is JobStatus.COMPLETED
        account.failed += job.status is JobStatus.FAILED
        account.cancelled += job.status is JobStatus.CANCELLED
        account.recurring += job.schedule is not None
        recorded[binding, "enqueued"] += 1
        recorded[binding, "cancelled"] += job.status is JobStatus.CANCELLED
        for attempt in job.history:
            if attempt.outcome is not Outcome.CANCELLED:
                recorded[binding, attempt.outcome.value] += 1

    def _outcomes(self, job: Job, seen: Seen, token: str) -> None:
        """Each attempt has one outcome, and it is that of its run."""
        account, name = self._account, f"job {job.id} ({token})"
        numbers = [attempt.number for attempt in job.history]
        ended = job.attempts - (job.status is JobStatus.PROCESSING)
        if numbers != list(range(max(1, ended - KEPT + 1), ended + 1)):
            account.found("outcome", f"{name}: {job.attempts} attempts, outcomes of {numbers}")
        for number in seen.runs.keys() - {*range(1, job.attempts + 1)}:
            account.found("outcome", f"{name}: attempt {number} was begun, it has {job.attempts}")
        for attempt in job.history:
            run, finished = seen.runs.get(attempt.number), attempt.finished_ms * MS
            if attempt.outcome in HOW:
                how = None if run is None else run.how or "under way"
                if how != HOW[attempt.outcome]:
                    was = "not begun" if run is None else how
                    account.found(
                        "outcome",
                        f"{name}: attempt {attempt.number} {attempt.outcome}, its run was {was}",
                    )
                elif run is not None and (run.end or 0) > finished + self._slack:
                    account.found(
                        "outcome", f"{name}: attempt {attempt.number} has the outcome of another"
                    )
            elif attempt.outcome is Outcome.CRASHED and run is not None:
                self._rescued(f"{name}, attempt {attempt.number}", run, finished)

    def _rescued(self, name: str, run: Run, taken: int) -> None:
        hurt = self._evidence.last_hurt(run, taken + self._slack)
        if hurt is None:
            if run.end is not None and run.end > taken + self._slack:
                self._account.found("taken away", f"{name}: nobody had hurt its worker")
            return
        seconds = (taken - max(hurt, run.start)) / 1e9
        self._account.slowest_rescue = max(self._account.slowest_rescue, seconds)
        if seconds > RESCUE_SECONDS:
            self._account.found("rescue", f"{name}: {seconds:.1f} s")

    def _end(self, job: Job, seen: Seen, token: str) -> None:
        """The job ended as its attempts say."""
        outcomes = [attempt.outcome for attempt in job.history]
        last = outcomes[-1] if outcomes else None
        number = Counter(outcomes)
        match job.status:
            case JobStatus.COMPLETED:
                right = last is Outcome.COMPLETED and job.result == [token, job.attempts]
                right &= number[Outcome.COMPLETED] == 1 and job.failures == _planned(job.payload)
            case JobStatus.FAILED:
                right = (last, job.crashes) == (Outcome.CRASHED, MAX_CRASHES)
                spent = seen.cancelled or job.failures == MAX_ATTEMPTS
                right |= last is Outcome.FAILED and spent
            case JobStatus.CANCELLED:
                right = seen.cancelled or bool(job.options.get("after"))
            case _:
                self._account.found("unfinished", f"job {job.id} ({token}) is {job.status}")
                return
        if job.attempts <= KEPT:
            right &= job.failures == number[Outcome.FAILED]
            right &= job.crashes == number[Outcome.CRASHED]
        if not right:
            told = ", ".join(outcomes) or "no attempt"
            self._account.found(
                "end", f"job {job.id} ({token}) is {job.status} with {job.result} after {told}"
            )


def _planned(payload: Any) -> int:
    """How often a job was to fail."""
    return cast("dict[str, int]", payload or {}).get("failures", 0)


async def _statistics(kiribi: Kiribi, recorded: Counter[tuple[str, str]], account: Account) -> None:
    """What was counted along the way is what the jobs' records add up to."""
    told: Counter[tuple[str, str]] = Counter()
    kinds = ("enqueued", "completed", "failed", "crashed", "cancelled")
    for stats in await kiribi.stats(hours=account.seconds / 3600 + 1):
        for kind in kinds:
            told[stats.binding, kind] += getattr(stats, kind)
    bindings = {binding for binding, _ in (*recorded, *told)}
    for binding in sorted(bindings):
        for kind in kinds:
            counted, jobs = told[binding, kind], recorded[binding, kind]
            if counted != jobs:
                account.found("statistics", f"{binding} {kind}: {counted:,}, the jobs say {jobs:,}")
