"""Programs that enqueue, wait, cancel, retry and delete, with the real manager."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.simulation import controlled, limited
from tests.simulation.application import Default, Isolated, Other, Work
from tests.simulation.plan import NewWork
from tests.simulation.steering import act, calm_down, enqueue_batch, steer

from kiribi.errors import (
    ActionNotFound,
    Conflict,
    Duplicate,
    InvalidInput,
    JobCancelled,
    JobFailed,
    JobNotFound,
    NotFinished,
    ScheduleNotFound,
    StoreError,
    UnknownBinding,
)
from kiribi.job import new_id

if TYPE_CHECKING:
    from tests.simulation.world import World

EXPECTED = (
    *(ActionNotFound, Conflict, JobCancelled, JobFailed, JobNotFound, NotFinished),
    *(ScheduleNotFound, StoreError, UnknownBinding),
)
"""What a client may be told."""


CONTROLLED = (controlled.Fragile, controlled.Ticking)
PERFORMERS = {"": (), "limited": (limited.Few, limited.Slow, limited.Keyed)}
"""What the application has besides, by theme."""


class Client:
    """A process with a manager, and a list of things to do."""

    def __init__(self, world: World, place: int, actions: list[tuple[Any, ...]]) -> None:
        self._world = world
        self._actions = actions
        self._process = world.new_process("client")
        self._over = False

    @property
    def done(self) -> bool:
        return self._over or not self._process.alive

    def start(self) -> None:
        self._process.run(self._live())

    async def _live(self) -> None:
        world = self._world
        kiribi = Default(None, os.environ)
        while True:
            try:
                opened = await world.open_store("sqlite://")
                break
            except StoreError:
                await world.pause(0.1)
        kiribi.bind(*opened, [Work, Other, Isolated, *PERFORMERS.get(world.plan.theme, CONTROLLED)])
        for action in self._actions:
            world.note("asks", self._process, " ".join(map(_short, action)))
            try:
                await self._do(kiribi, *action)
            except EXPECTED as error:
                world.note("told", self._process, type(error).__name__)
        await kiribi.close()
        self._over = True

    async def _do(self, kiribi: Default, what: str, *given: Any) -> None:
        world = self._world
        match what, *given:
            case "enqueue", several:
                await self._enqueue(kiribi, several)
            case "batch", several, then:
                await enqueue_batch(world, kiribi, several, then)
            case "act", kind, filter, how:
                await act(world, kiribi, kind, filter, how)
            case "steer", what, name, parts:
                await steer(kiribi, what, name, parts)
            case ("calm down",):
                await calm_down(world, kiribi)
            case "wait", "tick":
                await world.pause(1 - world.clock.time() % 1 + 0.04 * world.random())
            case "wait", seconds:
                await world.pause(seconds)
            case ("resume",):
                await self._resume(kiribi)
            case "pause", binding:
                await kiribi.pause(binding)
                await world.pause(world.random())
                await self._resume(kiribi)
            case ("recover",):
                await kiribi.recover()
            case ("sweep",):
                await kiribi.sweep(older_than=1)
            case "reuse", n:
                await self._reuse(kiribi, n)
            case _, n:
                await self._act(kiribi, what, n)

    async def _enqueue(self, kiribi: Default, several: list[NewWork]) -> None:
        judge, world = self._world.judge, self._world
        asked = [(one.binding, one.payload, self._options(one)) for one in several]
        numbers = [one.payload["n"] for one in several]
        # repeated, a replacement would be another
        repeatable = all("id" in options and not _replaces(options) for _, _, options in asked)
        begun = world.loop.now
        while True:
            try:
                jobs = await kiribi.enqueue_many(asked)
                break
            except StoreError:
                if not repeatable:
                    for n in numbers:
                        judge.refused(n)
                    raise
                await world.pause(0.1)
            except Duplicate:
                for n in numbers:
                    judge.refused(n)
                raise
            except InvalidInput:
                if not any("after" in options for _, _, options in asked):
                    raise
                for n in numbers:  # what it was to run after is gone
                    judge.refused(n)
                return
        for job, (_, _, options), n in zip(jobs, asked, numbers, strict=True):
            if job.duplicate and job.id != options.get("id"):
                judge.uniques.answered(job, [*range(n, numbers[-1] + 1)], options, begun)
                continue
            judge.accepted(job.id, n)
            world.ids[n] = job.id, (job.binding, job.payload)

    def _options(self, work: NewWork) -> dict[str, Any]:
        options = dict(work.options)
        if "id" in options:
            options["id"] = new_id()
        if "after" in options:
            ids = self._world.ids
            options["after"] = [ids[n][0] for n in options["after"] if n in ids]
            if not options["after"]:
                del options["after"]
                options.pop("after_failed", None)
        return options

    async def _act(self, kiribi: Default, what: str, n: int) -> None:
        if n not in self._world.ids:
            return
        id, (binding, payload) = self._world.ids[n]
        match what:
            case "again":
                job = await kiribi.enqueue(binding, payload, id=id)
                self._world.judge.accepted(job.id, n)
            case "result":
                value = await kiribi.result(id, timeout=2)
                self._world.judge.answered(id, value)
            case "find":
                await kiribi.find(id)
            case "cancel" | "retry" | "run_now" | "delete":
                self._world.judge.touched.add(id)
                await getattr(kiribi, what)(id)
            case _:
                raise AssertionError(what)

    async def _reuse(self, kiribi: Default, n: int) -> None:
        """Delete a job as soon as that can be, and give its id to a new one."""
        until = self._world.loop.now + 8
        while n in self._world.ids and self._world.loop.now < until:
            with suppress(Conflict, StoreError):
                await self._act(kiribi, "delete", n)
                await self._act(kiribi, "again", n)
                return
            await self._world.pause(0.1)

    async def _resume(self, kiribi: Default) -> None:
        while True:
            try:
                for binding in ("WORK", "OTHER", "ISOLATED"):
                    await kiribi.resume(binding)
                return
            except StoreError:
                await self._world.pause(0.1)


def _replaces(options: dict[str, Any]) -> bool:
    return options.get("unique", {}).get("on_conflict") == "replace"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{one.payload['n']} {one.binding} {one.payload['acts']} {one.options}" for one in value
        )
    return str(value)
