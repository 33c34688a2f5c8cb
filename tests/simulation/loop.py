"""An event loop for many simulated processes: a virtual clock, and a scheduler with a seed.

Each process runs its callbacks in the order asyncio promises. Whose turn it is, is drawn by the
seed; time jumps when nobody can go on. No thread, no socket, no real second.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

MOST_STEPS = 100_000
"""A seed has about a thousand."""


class Stuck(Exception):
    """It comes to no end; the message says how."""


class Process:
    """What the loop knows of an operating system's process: it lives, is stopped, or is dead."""

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.ready: deque[asyncio.Handle] = deque()
        self.alive = True
        self.stopped = False
        self.tasks: list[asyncio.Task[Any]] = []

    def __repr__(self) -> str:
        return self.name

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have the process do `work`."""
        context = contextvars.Context()
        context.run(PROCESS.set, self)
        return self.loop.create_task(work, context=context)

    def call_later(self, delay: float, call: Callable[..., object], *args: Any) -> None:
        """Have the process make a call after `delay` seconds; 0: as soon as it is its turn."""
        context = contextvars.Context()
        context.run(PROCESS.set, self)
        if delay:
            self.loop.call_later(delay, call, *args, context=context)
        else:
            self.loop.call_soon(call, *args, context=context)

    def stop(self) -> None:
        """SIGSTOP."""
        if self.alive and not self.stopped:
            self.stopped = True
            self.loop.retire(self)

    def go_on(self) -> None:
        """SIGCONT."""
        if self.alive and self.stopped:
            self.stopped = False
            if self.ready:
                self.loop.busy.append(self)

    def kill(self) -> None:
        """SIGKILL: it does nothing more, not even clean up."""
        self.alive = False
        self.loop.retire(self)
        self.ready.clear()


PROCESS: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Attributes:
    now: virtual seconds since the start.
    steps: callbacks run so far.
    process: whose callback runs now.
    alarm: the step after which `alarmed` is called, which says when next.
    halted: it is no use to go on.
    busy: the processes that can go on.
    """

    def __init__(
        self,
        random: Random,
        failed: Callable[[str, BaseException | None], None],
        alarmed: Callable[[], float],
    ) -> None:
        self.halted = False
        self.alarm = 0.0
        self._alarmed = alarmed
        self.now = 0.0
        self.steps = 0
        self.busy: list[Process] = []
        self._random = random.random
        self._failed = failed
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Process]] = []
        self._number = 0
        self._closed = False
        self.processes: list[Process] = []
        self.process = self.new_process("world")

    def new_process(self, name: str) -> Process:
        """A process that has nothing to do yet."""
        process = Process(self, name)
        self.processes.append(process)
        return process

    def world_context(self) -> contextvars.Context:
        """Of what belongs to no simulated process, and outlives them."""
        context = contextvars.Context()
        context.run(PROCESS.set, self.processes[0])
        return context

    def unheard(self) -> list[BaseException]:
        """What tasks raised, and nobody asked for."""
        done = [task for process in self.processes for task in process.tasks if task.done()]
        raised = [task for task in done if not task.cancelled() and task._log_traceback]
        return [error for task in raised if (error := task.exception()) is not None]

    def retire(self, process: Process) -> None:
        """Give a process no more turns."""
        if process in self.busy:
            self.busy.remove(process)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Give turns until `done` (asked when time would pass), or `halted`.

        Raises:
            Stuck: it never will be.
        """
        asyncio._set_running_loop(self)
        try:
            while not self.halted:
                if self.busy:
                    if self.steps > MOST_STEPS:
                        raise Stuck("it turns in circles")
                    self._turn()
                elif done():
                    break
                else:
                    self._jump()
        finally:
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        busy = self.busy
        place = int(self._random() * len(busy)) if len(busy) > 1 else 0
        process = busy[place]
        handle = process.ready.popleft()
        if not process.ready:
            busy[place] = busy[-1]
            busy.pop()
        if not handle._cancelled:
            self.steps += 1
            self.process = process
            handle._run()
            if self.steps >= self.alarm:
                self.alarm = self._alarmed()

    def _jump(self) -> None:
        """To the next thing that happens by itself, and to whatever happens at the same time."""
        timers = self._timers
        if not timers:
            raise Stuck("nobody can go on")
        self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            _, _, handle, process = heapq.heappop(timers)
            if not handle._cancelled:
                self._make_ready(process, handle)

    def _make_ready(self, process: Process, handle: asyncio.Handle) -> None:
        if process.alive:
            if not process.ready and not process.stopped:
                self.busy.append(process)
            process.ready.append(handle)

    def close(self) -> None:
        """Let go of what never ended: nothing of it runs on."""
        self._closed = True
        for process in self.processes:
            process.kill()
            for task in process.tasks:
                if not task.done():
                    task._log_destroy_pending = False
                    try:
                        task.get_coro().close()
                    except BaseException:
                        continue

    # What asyncio asks of a loop

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        if context is None:
            context = contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        if not self._closed:
            self._make_ready(context.get(PROCESS, self.processes[0]), handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        if context is None:
            context = contextvars.copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        process = context.get(PROCESS, self.processes[0])
        heapq.heappush(self._timers, (when, self._number, handle, process))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> asyncio.Task[Any]:
        if self._closed:
            coro.close()
            raise RuntimeError("the simulation is over")
        process = context[PROCESS] if context is not None else PROCESS.get()
        task: asyncio.Task[Any] = asyncio.Task(
            coro, loop=self, name=name or "task", context=context
        )
        # A killed process lets go of nothing: what it had begun is only taken apart at the end.
        process.tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """In this very thread, at the process's next turn."""
        future = self.create_future()

        def call() -> None:
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_soon(call)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._closed:
            self._failed(context["message"], context.get("exception"))

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self._closed

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is left out when its time comes."""
