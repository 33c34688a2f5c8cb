"""Simulated processes that run Kiribi's own mains: supervisors, their workers, the slots of those.

Only what is an operating system's is played here: spawning, pipes, signals, exit codes.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from tests.simulation import application, controlled, limited
from tests.simulation.loop import PROCESS, Process, SimulatedLoop

from kiribi.application import Application
from kiribi.errors import KiribiError
from kiribi.executors.spawn import Frame
from kiribi.job import Exit
from kiribi.runtimes import child, slot

if TYPE_CHECKING:
    from tests.simulation.world import World

START = 0.02
"""Seconds a process takes to start, at most."""
PIPE = 0.0005
"""Seconds a frame is under way, at most."""
PLAIN, LIMITED, CONTROLLED = (
    Application(module, module.Default, module.__name__)
    for module in (application, limited, controlled)
)


class SimulatedProcess(Process):
    """A process with an exit code and children, which die with it (PR_SET_PDEATHSIG)."""

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        super().__init__(loop, name)
        self.parent: SimulatedProcess | None = None
        self.children: list[SimulatedProcess] = []
        self.code: int | None = None
        self.worker: str | None = None
        self.main: asyncio.Task[Any] | None = None
        self.asked = False
        self.at_exit: list[Callable[[], object]] = []

    def kill(self) -> None:
        self.exit(-9)

    def exit(self, code: int) -> None:
        if self.code is None:
            self.code = code
            super().kill()
            for one in self.children:
                one.kill()
            for call in self.at_exit:
                call()


class Pipe:
    """One end of the frames between a parent and its child; hears None when the other is gone."""

    def __init__(self, world: World, listener: Process) -> None:
        self._world = world
        self._listener = listener
        self._frames: deque[Frame | None] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._heard: Callable[[Frame], object] | None = None
        self._last = 0.0

    def send(self, frame: Frame | None) -> None:
        """From the other end; frames keep their order."""
        text = json.dumps(frame)
        loop = self._world.loop
        self._last = max(self._last, loop.now + PIPE * self._world.random())
        self._listener.call_later(self._last - loop.now, self._arrive, json.loads(text))

    async def receive(self) -> Frame | None:
        """The next frame."""
        while not self._frames:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._frames.popleft()

    def watch(self, heard: Callable[[Frame], object]) -> None:
        """Call for each frame from now on."""
        self._heard = heard
        while self._frames:
            self._arrive(self._frames.popleft())

    def _arrive(self, frame: Frame | None) -> None:
        if self._heard is not None and frame is not None:
            self._heard(frame)
            return
        self._frames.append(frame)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class SimulatedParent:
    """What `runtimes.parent.Parent` is to a child."""

    def __init__(self, inbox: Pipe, outbox: Pipe) -> None:
        self.send, self.receive, self.watch = outbox.send, inbox.receive, inbox.watch


class SimulatedChild:
    """What `executors.spawn.Child` is to its parent."""

    def __init__(self, world: World, process: SimulatedProcess, to: Pipe, back: Pipe) -> None:
        self.pid = world.new_pid()
        self._process = process
        self.send, self.receive = to.send, back.receive
        self._exit: asyncio.Future[int] = world.loop.create_future()
        parent = world.loop.process
        # The parent is told, as by SIGCHLD, when its turn comes.
        process.at_exit.append(lambda: parent.call_later(world.latency(), self._exited))
        process.at_exit.append(lambda: back.send(None))

    @property
    def lives(self) -> bool:
        return not self._exit.done()

    def kill(self) -> None:
        if self.lives:
            self._process.kill()

    async def ended(self) -> Exit:
        return Exit(await asyncio.shield(self._exit))

    def _exited(self) -> None:
        assert self._process.code is not None
        if not self._exit.done():
            self._exit.set_result(self._process.code)


async def spawned(world: World, module: str) -> SimulatedChild:
    """In the place of `Child.spawn`."""
    parent = world.loop.process
    assert isinstance(parent, SimulatedProcess)
    kind = module.rpartition(".")[2]
    process = world.new_process({"child": "worker"}.get(kind, kind))
    to, back = Pipe(world, process), Pipe(world, parent)
    child = SimulatedChild(world, process, to, back)
    parent.children.append(process)
    process.parent = parent
    own = SimulatedParent(to, back)

    async def main() -> None:
        process.exit(await MAINS[module](own))

    process.call_later(START * world.random(), lambda: process.run(main()))
    await world.pause(0.0)
    return child


async def _worker(parent: Any) -> int:
    """As `runtimes.child.main`."""
    running = PROCESS.get()
    assert isinstance(running, SimulatedProcess)
    orders = await parent.receive()
    running.worker = orders["worker"]
    stop: Future[float] = Future()
    parent.watch(lambda frame: None if stop.done() else stop.set_result(frame["stop"]))
    try:
        return await child._serve(parent, orders, _application(orders), stop)
    except KiribiError as error:
        parent.send({"broken": str(error)})
        return 1


async def _slot(parent: Any) -> int:
    """As `runtimes.slot.main`."""
    await slot._serve(parent, _application(await parent.receive()))
    return 0


def application_of(theme: str) -> Application:
    """What a seed of this theme runs."""
    return {"": PLAIN, "limited": LIMITED}.get(theme, CONTROLLED)


def _application(orders: Frame) -> Application:
    source: str = orders["source"]
    return next(one for one in (PLAIN, LIMITED, CONTROLLED) if source.startswith(one.source))


MAINS: dict[str, Callable[[Any], Coroutine[Any, Any, int]]] = {
    "kiribi.runtimes.child": _worker,
    "kiribi.runtimes.slot": _slot,
}
