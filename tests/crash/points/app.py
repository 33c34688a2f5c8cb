"""An application that notes down all it does, for a judge, and what a client asks of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from kiribi import Every, Job, Kiribi, Meta, Performer, Schedule, Snooze, Unique, new_id
from kiribi.job import OPEN

JOURNAL = "KIRIBI_POINTS_JOURNAL"
"""The variable that names the file."""
HOUR = 3_600
DAY = 24 * HOUR
NAMES = (
    *("plain", "many-1", "many-2", "flaky", "fatal", "snoozes", "first", "second"),
    *("member-1", "member-2", "callback", "old-1", "old-2"),
    *("later-1", "later-2", "later-3", "doomed"),
)


class Journal:
    """What happened, in order, whoever dies."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._path = path

    def note(self, what: str, *about: object) -> None:
        """Write it down, before anything else happens."""
        os.write(self._file, json.dumps([what, *about]).encode() + b"\n")

    def read(self) -> list[list[Any]]:
        """All that was noted."""
        return [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]


class Point:
    """Where a process may die, besides at the statements of its database.

    Jobs that a crash left behind run in a process of their own: there nobody dies.
    """

    fuse: ClassVar[list[Callable[[], None]]] = []

    @classmethod
    def hit(cls) -> None:
        """Die, if it is time."""
        for burn in cls.fuse:
            burn()


@cache
def noted_in(path: str) -> Journal:
    return Journal(Path(path))


def note(what: str, *about: object) -> None:
    """Note something down in the journal of this trial."""
    noted_in(os.environ[JOURNAL]).note(what, *about)


@dataclass
class World:
    """What the processes of one trial share: `ids` of jobs by name, and a clock."""

    now: int
    ids: dict[str, str] = field(default_factory=lambda: {name: new_id() for name in NAMES})

    def clock(self) -> int:
        """Epoch milliseconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1000)


class Noted(Performer):
    """Notes down that it runs; no attempt may do so twice."""

    retry_delay = 0

    def begun(self) -> None:
        Point.hit()
        note("ran", self.job.binding, self.job.id, self.job.attempts)
        Point.hit()


class Plain(Noted):
    async def perform(self, payload: Any) -> Any:
        self.begun()
        self.log("begun")
        self.progress(0.5, "half way")
        value = await self.once("step", lambda _: os.urandom(4).hex())
        note("once", self.job.id, value)
        Point.hit()
        return value


class Old(Noted):
    def perform(self, payload: Any) -> None:
        self.begun()


class Chained(Old): ...


class Last(Old): ...


class One(Old): ...


class Recurring(Old): ...


class Later(Old): ...


class Flaky(Noted):
    max_attempts = 9

    async def perform(self, payload: Any) -> None:
        self.begun()
        if not self.job.failures:
            raise ConnectionError("the first time it fails")


class Fatal(Noted):
    max_attempts = 1

    async def perform(self, payload: Any) -> None:
        self.begun()
        raise ValueError("it always fails")


class Snoozes(Noted):
    async def perform(self, payload: Any) -> None:
        self.begun()
        if self.job.attempts == 1:
            raise Snooze(0)


class Default(Kiribi):
    retention = dict.fromkeys(Kiribi.retention, 3 * DAY)

    def on_success(self, binding: str, payload: Any, result: Any, meta: Meta) -> None:
        self._noted(meta)

    def on_failure(self, binding: str, payload: Any, error: BaseException, meta: Meta) -> None:
        self._noted(meta)

    def _noted(self, meta: Meta) -> None:
        note("hook", meta.id, meta.attempts)
        Point.hit()


async def ask(kiribi: Kiribi, world: World) -> None:
    """What a client asks for; it may ask again, and nothing happens twice."""
    id = world.ids

    def accepted(*jobs: Job) -> None:
        Point.hit()
        for job in jobs:
            note("accepted", job.binding, job.id)

    accepted(await kiribi.enqueue(Plain, "x" * 2_000, id=id["plain"]))
    accepted(
        *await kiribi.enqueue_many(
            [
                (Plain, 1, {"id": id["many-1"]}),
                (Plain, 2, {"id": id["many-2"], "priority": 5}),
                (Flaky, None, {"id": id["flaky"]}),
                (Fatal, None, {"id": id["fatal"]}),
                (Snoozes, None, {"id": id["snoozes"]}),
            ]
        )
    )
    accepted(await kiribi.enqueue(Chained, "first", id=id["first"]))
    accepted(await kiribi.enqueue(Chained, "second", id=id["second"], after=id["first"]))
    batch = await kiribi.enqueue_batch(
        [(Chained, "member", {"id": id[f"member-{n}"]}) for n in (1, 2)],
        (Last, None, {"id": id["callback"]}),
    )
    accepted(batch.callback)
    rule = Unique(key="one", on_conflict="replace", states=tuple(sorted(OPEN)))
    for n in (1, 2):
        accepted(await kiribi.enqueue(One, n, unique=rule))
    for n in (1, 2, 3):
        accepted(await kiribi.enqueue(Later, n, id=id[f"later-{n}"], first_delay=DAY))
    accepted(await kiribi.enqueue(Later, "doomed", id=id["doomed"], first_delay=DAY))
    await kiribi.schedules.create("hourly", Recurring, Schedule(Every(HOUR), missed="all"))
    accepted(await kiribi.enqueue(Plain, "without an id"))
