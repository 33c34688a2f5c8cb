"""Who holds which unique key, told a second time: from the order of events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kiribi.job import WAITING, Job, JobStatus
from kiribi.ports import NewJob

Place = tuple[str, str]
"""A binding and a key in it."""


@dataclass(frozen=True)
class Rule:
    """By which a job holds its key."""

    place: Place
    states: tuple[JobStatus, ...]
    until: int | None


@dataclass
class Keys:
    """The rules of jobs, and who took each key last: he holds it while his own rule says so."""

    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])
    taker: dict[Place, str] = field(default_factory=dict[Place, str])

    def holder(self, jobs: Mapping[str, Job], place: Place, now: int) -> str | None:
        """The job that holds a key."""
        id = self.taker.get(place)
        if id is None or id not in jobs:
            return None
        lasts = self.lasts(id, now)
        return id if lasts and jobs[id].status in self.rules[id].states else None

    def lasts(self, id: str, now: int) -> bool:
        """Whether a job may hold its key for some time yet."""
        until = self.rules[id].until
        return until is None or now < until

    def retry(self, jobs: Mapping[str, Job], id: str, now: int) -> bool:
        """Whether an ended job may run again: it takes its key, unless another holds it."""
        if id not in self.rules or not self.lasts(id, now):
            return True
        place = self.rules[id].place
        if self.holder(jobs, place, now) not in (None, id):
            return False
        self.taker[place] = id
        return True

    def enqueued(self, jobs: Mapping[str, Job], new: list[NewJob], now: int) -> dict[str, str]:
        """The job that answers each of the new ones; itself: it is stored."""
        answers: dict[str, str] = {}
        stored: set[str] = set()
        for one in new:
            assert one.unique is not None
            place = one.binding, one.unique.key
            holder = self.holder(jobs, place, now)
            taker = self.taker.get(place)
            if taker in stored:  # of the same call
                holder = taker
            if holder is None:
                within = one.unique.within_ms
                until = None if within is None else now + within
                self.rules[one.id] = Rule(place, one.unique.states, until)
                self.taker[place] = holder = one.id
                stored.add(one.id)
            answers[one.id] = holder
        return answers

    def refuses(self, jobs: Mapping[str, Job], new: list[NewJob], now: int) -> bool:
        """Whether a call whose jobs raise has a duplicate."""
        copy = Keys(dict(self.rules), dict(self.taker))
        return any(id != answer for id, answer in copy.enqueued(jobs, new, now).items())


def changed(new: list[NewJob], answers: Mapping[str, str]) -> dict[str, NewJob]:
    """By holder, the last duplicate of a call: the one whose content or time it takes."""
    return {answers[one.id]: one for one in new if answers[one.id] != one.id}


def waits(job: Job | None) -> bool:
    """Whether a duplicate may change it: it was stored just now, or it waits."""
    return job is None or job.status in WAITING
