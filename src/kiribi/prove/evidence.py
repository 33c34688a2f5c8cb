"""The journal, read back: what the outside knows of each job."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kiribi.prove.journal import lines


@dataclass(slots=True)
class Run:
    """One attempt as its performer saw it; times in epoch nanoseconds."""

    pid: int
    parent: int
    start: int
    end: int | None = None
    how: str = ""


@dataclass(slots=True)
class Seen:
    """One job as the outside saw it.

    Attributes:
        accepted: when `enqueue` first returned it; None if it never did.
        found: `enqueue` has returned it to somebody else, who asked for the same unique key.
        cancelled: somebody was about to cancel it.
        runs: by the number of the attempt.
        again: attempts that were begun twice.
    """

    token: str = ""
    accepted: int | None = None
    found: bool = False
    cancelled: bool = False
    runs: dict[int, Run] = field(default_factory=dict[int, Run])
    again: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Evidence:
    """What the journal says of some of the jobs, and of the processes.

    Attributes:
        jobs: by id.
        hurt: when each process was hurt, in order.
        refused: tokens that `enqueue` raised for.
    """

    jobs: dict[str, Seen] = field(default_factory=dict[str, Seen])
    hurt: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    refused: set[str] = field(default_factory=set[str])

    def last_hurt(self, run: Run, before: int) -> int | None:
        """When the process of a run, or its parent, was hurt last; None if it was not."""
        last = 0
        for pid in (run.pid, run.parent):
            times = self.hurt.get(pid, [])
            place = bisect_right(times, before)
            last = max(last, times[place - 1] if place else 0)
        return last or None


def accepted(path: Path) -> int:
    """How many lines of the journal say that a job was accepted."""
    return Counter(word for _, word, _ in lines(path))["accepted"]


def in_part(id: str, part: int, parts: int) -> bool:
    """Whether a job belongs to a part of all jobs."""
    return int(id[-4:], 16) % parts == part


def read(path: Path, part: int, parts: int, ids: Iterable[str] = ()) -> Evidence:
    """What the journal says of one part of the jobs, and of `ids`, which it may not know."""
    evidence = Evidence({id: Seen() for id in ids})
    for at, word, rest in lines(path):
        match word, rest:
            case "hurt", [pid]:
                evidence.hurt.setdefault(int(pid), []).append(at)
            case "refused", [token]:
                evidence.refused.add(token)
            case "asked", _:
                pass
            case (("accepted" | "found"), [token, id]) if in_part(id, part, parts):
                seen = evidence.jobs.setdefault(id, Seen())
                if word == "found":
                    seen.found = True
                else:
                    seen.token = token
                    seen.accepted = seen.accepted or at
            case "cancel", [id] if in_part(id, part, parts):
                evidence.jobs.setdefault(id, Seen()).cancelled = True
            case "start", [id, attempt, token, pid, parent] if in_part(id, part, parts):
                seen = evidence.jobs.setdefault(id, Seen())
                seen.token = token
                if int(attempt) in seen.runs:
                    seen.again.append(int(attempt))
                seen.runs[int(attempt)] = Run(int(pid), int(parent), at)
            case "end", [id, attempt, how] if in_part(id, part, parts):
                run = evidence.jobs[id].runs[int(attempt)]
                run.end, run.how = at, how
            case _:
                pass
    return evidence
