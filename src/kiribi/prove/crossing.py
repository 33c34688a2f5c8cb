"""What jobs owe each other: keys, unique keys, ticks, the order of chains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kiribi import Job, JobStatus, Outcome
from kiribi.prove.account import Account
from kiribi.prove.evidence import Seen

MS = 1_000_000
"""Nanoseconds."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in epoch nanoseconds, something held for certain."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """One job of a chain: how it ended, when it first ran, and when its outcome was stored."""

    status: JobStatus
    first: int | None
    finished: int | None


class Crossings:
    """Gathers, then judges. `slack`: nanoseconds by which the store's times may be wrong."""

    def __init__(self, account: Account, slack: int) -> None:
        self._account = account
        self._slack = slack
        self._keys: dict[str, list[Span]] = {}
        self._open: dict[str, list[Span]] = {}
        self._ticks: dict[int, str] = {}
        self._links: dict[tuple[str, int], Link] = {}
        self._tokens: set[int] = set()

    def add(self, job: Job, seen: Seen, token: str) -> None:
        """Take note of a job and its runs."""
        kind, argument, name, number = token.split(".")
        if hash(token) in self._tokens:  # a number weighs less than a text
            self._account.found("doubled", f"{token}: job {job.id} and one more")
        self._tokens.add(hash(token))
        match kind:
            case "keyed":
                self._keys.setdefault(argument, []).extend(_runs(job, seen, self._slack))
            case "single":
                runs = _runs(job, seen, self._slack)
                self._keys.setdefault(f"unique {argument}", []).extend(runs)
                if seen.accepted is not None and job.finished_ms is not None:
                    end = job.finished_ms * MS - self._slack
                    span = Span(seen.accepted, end, f"job {job.id}")
                    self._open.setdefault(argument, []).append(span)
            case "chained":
                starts = [run.start for run in seen.runs.values()]
                finished = job.finished_ms and job.finished_ms * MS - self._slack
                link = Link(job.status, min(starts, default=None), finished)
                self._links[f"{name}.{number}", int(argument)] = link
            case "tick":
                tick = int(argument)
                if tick in self._ticks:
                    self._account.found("schedule", f"tick {tick}: two jobs")
                self._ticks[tick] = job.id
            case _:
                if seen.accepted is not None and seen.runs:
                    first = min(run.start for run in seen.runs.values())
                    self._account.waits.append(max(0.0, (first - seen.accepted) / 1e9))

    def judge(self) -> None:
        """All has been seen."""
        for key, spans in self._keys.items():
            rule = "unique" if key.startswith("unique") else "key"
            for before, after in _overlaps(spans):
                self._account.found(rule, f"{key}: {before.name} and {after.name} ran together")
        for key, spans in self._open.items():
            for before, after in _overlaps(spans):
                self._account.found(
                    "unique", f"unique {key}: {before.name} and {after.name} were open together"
                )
        if self._ticks:
            for tick in set(range(min(self._ticks), max(self._ticks))) - self._ticks.keys():
                self._account.found("schedule", f"tick {tick}: no job")
        for (chain, place), link in self._links.items():
            for earlier in range(place):
                self._ordered(chain, earlier, self._links.get((chain, earlier)), place, link)

    def _ordered(
        self, chain: str, earlier: int, before: Link | None, place: int, after: Link
    ) -> None:
        if before is None:
            return  # lost, or unknown to us: said elsewhere
        names = f"chain {chain}: {place} after {earlier}"
        if before.status is not JobStatus.COMPLETED:
            if after.first is not None:
                self._account.found("chain", f"{names}: it ran, though that is {before.status}")
        elif after.first is not None and before.finished is not None:
            if after.first < before.finished:
                self._account.found("chain", f"{names}: it began before that had ended")
        elif after.status is not JobStatus.CANCELLED:
            self._account.found("chain", f"{names}: it never ran")


def _runs(job: Job, seen: Seen, slack: int) -> Iterable[Span]:
    """When each attempt was running: to its end, or until it was taken from a lost worker."""
    told = {attempt.number: attempt for attempt in job.history}
    for number, run in seen.runs.items():
        record = told.get(number)
        end = run.end
        if record is not None and (end is None or record.outcome is Outcome.CRASHED):
            taken = record.finished_ms * MS - slack
            end = min(end or taken, taken)
        if end is not None:
            yield Span(run.start, end, f"job {job.id} attempt {number}")


def _overlaps(spans: list[Span]) -> Iterable[tuple[Span, Span]]:
    spans.sort(key=lambda span: (span.start, span.end))
    longest: Span | None = None
    for span in spans:
        if longest is not None and span.start < longest.end:
            yield longest, span
        if longest is None or span.end > longest.end:
            longest = span
