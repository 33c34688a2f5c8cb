"""The application that is simulated: each payload says what its attempts do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kiribi import Cancel, Discard, Kiribi, Performer, Retry, Snooze
from kiribi._failure import Crashed

if TYPE_CHECKING:
    from tests.simulation.world import World

STAGE: dict[str, World] = {}
"""The world of the seed that runs now, under "world"."""


class Planned(Exception):
    """A failure that the payload asks for."""


class Work(Performer):
    """`payload["acts"]`: one text an attempt, of steps; the last goes on for all further ones."""

    retry_delay = 0.25

    async def perform(self, payload: Any) -> Any:
        judge = STAGE["world"].judge
        execution = judge.begins(self.job)
        try:
            acts: list[str] = payload["acts"]
            for step in acts[min(self.job.attempts, len(acts)) - 1].split():
                await self._step(*step.split(":"))
        except BaseException as error:
            judge.ends(execution, error)
            raise
        value = {"n": payload["n"], "attempt": self.job.attempts}
        judge.ends(execution, value)
        return value

    async def _step(self, name: str, argument: str = "0") -> None:
        world = STAGE["world"]
        match name:
            case "ok":
                pass
            case "sleep":
                await asyncio.sleep(float(argument))
            case "stubborn":
                await self._stubborn(float(argument))
            case "fail":
                raise Planned
            case "retry":
                raise Retry("later", after=float(argument))
            case "snooze":
                raise Snooze(float(argument), "not yet")
            case "discard":
                raise Discard("hopeless")
            case "cancel":
                raise Cancel("of no use")
            case "die":
                world.kill(world.loop.process, "it killed itself")
                await asyncio.sleep(0)
            case "lose":
                world.stop_supervisor()
            case "once":
                attempt = self.job.attempts
                value = await self.once("step", lambda key: {"key": key, "attempt": attempt})
                world.judge.once(self.job, value)
            case "log":
                self.log("a line")
            case "progress":
                self.progress(0.5, "half")
            case _:
                raise AssertionError(name)

    async def _stubborn(self, seconds: float) -> None:
        """Take no notice of a cancellation for a while."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        stopped = False
        while (left := until - loop.time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                stopped = True
        if stopped:
            raise asyncio.CancelledError


class Other(Work):
    """Another binding, of higher priority."""

    priority = 1


class Isolated(Work):
    """Always in a child process."""

    executor = "process"


class Default(Kiribi):
    """With hooks, which are told once, after the fact."""

    async def on_success(self, binding: str, payload: Any, result: Any, meta: Any) -> None:
        STAGE["world"].judge.hooked("completed", meta)

    async def on_failure(self, binding: str, payload: Any, error: Any, meta: Any) -> None:
        outcome = "crashed" if isinstance(error, Crashed) else "failed"
        STAGE["world"].judge.hooked(outcome, meta)
