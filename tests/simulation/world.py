"""One seed from beginning to end: a machine, its processes, its clients, and what goes wrong."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

from tests.simulation.application import STAGE
from tests.simulation.clients import Client
from tests.simulation.clock import Clock, by_the_seed
from tests.simulation.database import Database, SimulatedStore
from tests.simulation.doorbell import Bell
from tests.simulation.judge import Judge
from tests.simulation.loop import Process, SimulatedLoop, Stuck
from tests.simulation.plan import Plan, planned
from tests.simulation.processes import SimulatedProcess, application_of, spawned
from tests.simulation.themes import THEMES
from tests.simulation.ticks import FRESH_MS

from kiribi import _carrier, schedule
from kiribi.errors import KiribiError
from kiribi.executors.spawn import Child
from kiribi.runtimes import child, supervisor
from kiribi.runtimes.supervisor import Supervisor

LEASE_MS, BEAT = 2_000, 0.5
REST_SECONDS = 90.0
"""Virtual seconds in which everything ends, once nothing goes wrong any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Attributes:
    failure: what is wrong; None: nothing.
    seconds: how long it was, in virtual time.
    ended: how often attempts ended, by outcome.
    seen: how often what had to be judged.
    """

    seed: int
    failure: str | None
    steps: int
    seconds: float
    kind: str
    ended: dict[str, int]
    seen: dict[str, int]
    trace: list[str] | None


class World:
    """Attributes:
    harmless: nothing has gone wrong yet that keeps a worker from renewing its lease.
    slots: how many attempts all living workers run at a time.
    """

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        chance = Random(seed)
        self.plan: Plan = planned(chance)
        self.random = chance.random
        self.choice = chance.choice
        self.seed_of_all = chance
        self.failure: str | None = None
        self.trace: list[str] | None = [] if trace else None
        self.loop = SimulatedLoop(chance, self._unhandled, self._next_fault)
        self.clock = Clock(self.loop)
        self.bells: list[Bell] = []
        self.processes: list[SimulatedProcess] = []
        self.seen: Counter[str] = Counter()
        self.judge = Judge(self)
        self.database = Database(self)
        self.ids: dict[int, tuple[str, tuple[str, Any]]] = {}
        self.harmless = self.plan.kind in ("calm", "killed")
        self._pids = 100
        self._resting = self._ending = False
        self._supervisors: list[SimulatedProcess] = []
        self._stopped: list[asyncio.Task[Any]] = []

    # What the simulated parts ask

    def note(self, what: str, process: Process, text: str = "") -> None:
        """A line of the trace."""
        if self.trace is not None:
            now, steps = self.loop.now, self.loop.steps
            self.trace.append(f"{now:10.4f} {steps:6d} {process.name:13s} {what:7s} {text}")

    def fail(self, why: str) -> None:
        """The promise is broken."""
        if self.failure is None:
            self.failure = why
            self.loop.halted = True
            self.note("BROKEN", self.loop.process, why)

    def latency(self) -> float:
        return self.random() * 0.001

    async def pause(self, seconds: float) -> None:
        """Let others have their turn, for so long at least."""
        await asyncio.sleep(seconds)

    def new_pid(self) -> int:
        self._pids += 1
        return self._pids

    def new_process(self, kind: str) -> SimulatedProcess:
        process = SimulatedProcess(self.loop, f"{kind}-{len(self.processes)}")
        self.loop.processes.append(process)
        self.processes.append(process)
        self.note("start", process)
        return process

    @property
    def slots(self) -> int:
        return sum(self.plan.crews) * self.plan.concurrency

    def lives(self, worker: str) -> bool:
        """Whether the process of a worker runs its work."""
        return any(process.alive and process.worker == worker for process in self.processes)

    def kill(self, process: Process, why: str) -> None:
        self.note("kill", process, why)
        process.kill()

    async def open_store(self, url: str, **_: Any) -> tuple[SimulatedStore, Bell]:
        """In the place of `stores.open_store`."""
        process = self.loop.process
        store = SimulatedStore(self.database, process)
        try:
            await store.migrate()
        except KiribiError:
            await store.close()
            raise
        return store, Bell(self, process)

    # The course of things

    def run(self) -> None:
        for children in self.plan.crews:
            self._start_crew(children)
        clients = [Client(self, place, actions) for place, actions in enumerate(self.plan.clients)]
        for client in clients:
            client.start()
        until = 60.0
        self._until(lambda: all(client.done for client in clients), until, "clients wait for ever")
        # What is left of what goes wrong may still go wrong while there is work.
        self._until(lambda: not self.plan.faults or self._all_ended(), until, "")
        self._rest()
        clients.append(Client(self, len(clients), self._last_actions()))
        clients[-1].start()
        self._until(lambda: clients[-1].done and self._all_ended(), REST_SECONDS, "")
        self._stop_all()
        if self.failure is None:
            self.judge.at_rest()

    def _last_actions(self) -> list[tuple[Any, ...]]:
        """What somebody has to do before everything can end."""
        if self.plan.theme in THEMES:
            return [("wait", 1.0), ("calm down",)]
        return [("resume",)]

    def _until(self, done: Any, seconds: float, why: str) -> None:
        loop = self.loop
        deadline = loop.now + seconds
        try:
            loop.run_until(lambda: done() or loop.now > deadline)
        except Stuck as stuck:
            self.fail(str(stuck))
        if why and loop.now > deadline:
            self.fail(why)

    def _all_ended(self) -> bool:
        return (
            all(row.open is None for row in self.judge.safe.values())
            and all(
                reason is None and self.lives(id) for id, (_, reason) in self.judge.workers.items()
            )
            and not self.judge.bulk.running
        )

    def _rest(self) -> None:
        """From now on nothing goes wrong."""
        self.note("rest", self.loop.process)
        self._resting = True
        self.plan.faults.clear()
        self.plan.bell_faults = 0.0
        self.database.broken = 0.0
        for process in self.processes:
            process.go_on()

    def _stop_all(self) -> None:
        self._ending = True
        running = [process for process in self._supervisors if process.alive]
        for process in running:
            assert process.main is not None
            process.main.cancel()
        self._until(lambda: not any(one.alive for one in running), 60.0, "it does not stop")

    # Supervisors

    def _start_crew(self, children: int) -> None:
        if self._ending:
            return
        process = self.new_process("supervisor")
        process.at_exit.append(lambda: self._replace(process, children))
        self._supervisors.append(process)
        process.main = process.run(self._supervise(process, children))

    async def _supervise(self, process: SimulatedProcess, children: int) -> None:
        crew = Supervisor(
            application_of(self.plan.theme).source,
            "sqlite://",
            processes=children,
            concurrency=self.plan.concurrency,
            lease_ms=LEASE_MS,
            beat=BEAT,
        )
        code = 1
        try:
            with suppress(KiribiError):
                await crew.start()
                try:
                    await crew.wait()
                finally:
                    await crew.stop(1.0)
        except asyncio.CancelledError:
            process.asked = True
            code = 0
        process.exit(code)

    def _replace(self, process: SimulatedProcess, children: int) -> None:
        """As the service manager does."""
        if not process.asked:
            context = self.loop.world_context()
            pause = 0.05 + self.random()
            self.loop.call_later(pause, self._start_crew, children, context=context)

    # What goes wrong

    def stop_supervisor(self) -> None:
        """That of the process whose turn it is, until its lease has lapsed for long."""
        process = self.loop.process
        while isinstance(process, SimulatedProcess) and process.parent is not None:
            process = process.parent
        if not self._resting:
            self._stop(process, 3 * LEASE_MS / 1000)

    def _stop(self, process: Process, seconds: float) -> None:
        self.note("stop", process)
        self.harmless = False
        process.stop()
        self._later(seconds, self._go_on, process)

    def _next_fault(self) -> float:
        """Let go wrong what is due; the step at which the next is."""
        faults = self.plan.faults
        while faults and self.loop.steps >= faults[-1][0]:
            _, fault, chance = faults.pop()
            self._go_wrong(fault, chance)
        return faults[-1][0] if faults else float("inf")

    def _go_wrong(self, fault: str, chance: float) -> None:
        self.note("FAULT", self.loop.process, fault)
        what, _, whom = fault.partition(" ")
        match what:
            case "kill":
                if victim := self._victim(whom, chance):
                    if victim in self._supervisors:
                        self.harmless = False
                    self.kill(victim, "by a fault")
            case "stop" if whom == "crews":
                for crew in [one for one in self._supervisors if one.alive]:
                    self._stop(crew, (1 + 2 * chance) * FRESH_MS / 1000)
            case "stop":
                if victim := self._victim(whom, chance):
                    self._stop(victim, (0.02, 0.4, 1.5, 3.0, 5.0)[int(chance * 5)])
            case "break":
                self.harmless = False
                self.database.broken = 0.2 + 0.8 * chance
                self._later(0.05 + 3 * self.random() ** 2, self._mend)
            case "clock":
                self.harmless = False
                self.clock.step((-20, -1, 0.9, 3, 30, 10_000)[int(chance * 6)])
            case _:
                raise AssertionError(fault)

    def _victim(self, whom: str, chance: float) -> SimulatedProcess | None:
        if whom == "turn" and self.loop.process in self.processes:
            victims = [self.loop.process]
        else:
            kind = {"turn": "", "any": ""}.get(whom, whom)
            victims = [one for one in self.processes if one.alive and one.name.startswith(kind)]
        alive = [one for one in victims if one.alive]
        return alive[int(chance * len(alive))] if alive else None  # pyright: ignore

    def _go_on(self, process: Process) -> None:
        self.note("go on", process)
        process.go_on()

    def _mend(self) -> None:
        self.note("mended", self.loop.process)
        self.database.broken = 0.0

    def _later(self, seconds: float, call: Any, *args: Any) -> None:
        self.loop.call_later(seconds, call, *args, context=self.loop.world_context())

    def _unhandled(self, message: str, error: BaseException | None) -> None:
        shown = "".join(traceback.format_exception(error)) if error else ""
        self.fail(f"{message}: {shown}")

    def heard(self, record: logging.LogRecord) -> None:
        """Kiribi logs something."""
        self.note("log", self.loop.process, record.getMessage())
        if record.levelno >= logging.CRITICAL:
            shown = (
                "".join(traceback.format_exception(record.exc_info[1])) if record.exc_info else ""
            )
            self.fail(f"{record.getMessage()}: {shown}")


class _Hearer(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING if world.trace is not None else logging.CRITICAL)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.heard(record)


@contextmanager
def on_stage(world: World) -> Iterator[None]:
    """Within this, Kiribi runs in `world`."""
    logger = logging.getLogger("kiribi")
    hearer = _Hearer(world)

    async def spawn(cls: Any, module: str) -> Any:
        return await spawned(world, module)

    level, propagate = logger.level, logger.propagate
    with ExitStack() as stack:
        stack.enter_context(by_the_seed(world.clock, world.seed_of_all))
        stack.enter_context(patch.object(Child, "spawn", classmethod(spawn)))
        for module in (supervisor, child):
            stack.enter_context(patch.object(module, "open_store", world.open_store))
        stack.enter_context(patch.object(_carrier, "STEP", 2))
        stack.enter_context(patch.object(schedule, "FRESH_MS", FRESH_MS))
        STAGE["world"] = world
        logger.addHandler(hearer)
        logger.setLevel(hearer.level)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(hearer)
            logger.setLevel(level)
            logger.propagate = propagate
            del STAGE["world"]


def run(seed: int, *, trace: bool = False) -> Verdict:
    """The whole of a seed."""
    world = World(seed, trace=trace)
    with on_stage(world):
        try:
            world.run()
            for error in world.loop.unheard():
                world.fail("".join(traceback.format_exception(error)))
        finally:
            world.loop.close()
    return Verdict(
        seed,
        world.failure,
        world.loop.steps,
        world.loop.now,
        world.plan.kind,
        dict(world.judge.ended),
        dict(world.seen),
        world.trace,
    )
