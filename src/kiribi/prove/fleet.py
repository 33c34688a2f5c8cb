"""The processes of a trial: workers under their supervisors, enqueuers; all can be hurt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from kiribi.prove.enqueuer import ENQUEUERS
from kiribi.prove.journal import Journal
from kiribi.prove.plan import Plan
from kiribi.runtimes.supervise import ORDERS

CREWS = 2
"""Supervisors; at most one of them at a time is stopped, so that somebody can rescue."""
WORKERS = 2
"""Worker processes of each."""
CONCURRENCY = 50
GRACE = 5.0
"""Seconds for running jobs, when a supervisor is asked to end."""
PATIENCE = 30.0
"""Seconds in which a process that was asked to end must have ended."""
APP = "kiribi.prove.app"
REFUSED = "came too late and was refused"
"""What a worker logs when the fence has held."""


class Process:
    """One that is started again after each death, as by a service manager.

    Attributes:
        doomed: we are about to end it, and to start it again.
    """

    def __init__(self, plan: Plan, name: str, words: Sequence[str]) -> None:
        self._plan = plan
        self._words = words
        self._started: subprocess.Popen[bytes] | None = None
        self._lives = 0
        self.doomed = False
        self.name = name
        self.log = Path(plan.folder) / f"{name}.log"

    def start(self) -> None:
        """Start it, in a process group of its own: a Ctrl-C is for us.

        But in our session: if it is stopped when we are killed, the kernel sends SIGHUP and
        SIGCONT to the orphaned group, and it ends, too.
        """
        self._lives += 1
        self.doomed = False
        with self.log.open("ab") as log:
            self._started = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, *self._words, str(self._lives)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def _environment(self) -> dict[str, str]:
        return self._plan.environment()

    @property
    def pid(self) -> int:
        """Of the last one started."""
        assert self._started is not None  # noqa: S101 - a fleet is started as a whole
        return self._started.pid

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._started is not None and self._started.poll() is None

    def last_words(self) -> str:
        """The last line it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self._started is not None:
            self._started.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        if self._started is None:
            return True
        try:
            self._started.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class Crew(Process):
    """A supervisor, as `kiribi worker` starts it, but for the length of its leases."""

    def __init__(self, plan: Plan, name: str) -> None:
        super().__init__(plan, name, ["-m", "kiribi.runtimes.supervise"])

    def _environment(self) -> dict[str, str]:
        orders = {
            "source": APP,
            "database": self._plan.database,
            "processes": WORKERS,
            "concurrency": CONCURRENCY,
            "grace": GRACE,
            "lease_ms": self._plan.lease_ms,
            "beat": self._plan.beat,
        }
        return {**super()._environment(), ORDERS: json.dumps(orders)}


class Fleet:
    """All processes of a trial."""

    def __init__(self, plan: Plan) -> None:
        self._journal = Journal(plan)
        self.crews = [Crew(plan, f"workers-{number}") for number in range(CREWS)]
        module = "kiribi.prove.enqueuer"
        names = [f"enqueuer-{number}" for number in range(ENQUEUERS)]
        self.enqueuers = [Process(plan, name, ["-m", module, name]) for name in names]
        self._stopped: set[int] = set()
        self.wrong: list[str] = []

    def __iter__(self) -> Iterator[Process]:
        yield from self.crews
        yield from self.enqueuers

    def start(self) -> None:
        """Start all."""
        for process in self:
            process.start()

    def tend(self, processes: Iterable[Process]) -> None:
        """Start again what has ended by itself.

        A supervisor may: one gives up whose workers were killed as they started.
        """
        for process in processes:
            if not process.lives and not process.doomed:
                if process in self.enqueuers:
                    self.wrong.append(f"{process.name} ended by itself: {process.last_words()}")
                process.start()

    def workers(self, crew: Process) -> list[int]:
        """The worker processes of a supervisor, and their own children after them."""
        family = _children()
        workers = family.get(crew.pid, [])
        return workers + [child for worker in workers for child in family.get(worker, [])]

    def hurt(self, pids: Iterable[int], number: signal.Signals, also: Iterable[int] = ()) -> None:
        """Send a signal to processes; `also`: others that suffer from it."""
        hurt = list(pids)
        self._journal.write(*(f"hurt {pid}" for pid in {*hurt, *also}))
        for pid in hurt:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number is signal.SIGSTOP:
            self._stopped.update(hurt)

    def resume(self) -> None:
        """Let all that was stopped go on."""
        while self._stopped:
            with suppress(ProcessLookupError):
                os.kill(self._stopped.pop(), signal.SIGCONT)

    def kill(self, process: Process) -> None:
        """SIGKILL, to it and to what could outlive it."""
        process.doomed = True
        pids = [process.pid, *self.workers(process)]
        self.hurt([process.pid], signal.SIGKILL, also=pids)
        self._stopped.difference_update(pids)
        process.wait(PATIENCE)

    def end(self) -> None:
        """Ask the supervisors to end, as a service manager does; those that don't are named."""
        for crew in self.crews:
            crew.signal(signal.SIGTERM)
        for crew in self.crews:
            if not crew.wait(PATIENCE):
                self.wrong.append(f"{crew.name} did not end when it was asked to")

    def close(self) -> None:
        """Whatever lives is killed."""
        self.resume()
        living = [process for process in self if process.lives]
        family = [pid for process in living for pid in self.workers(process)]
        for process in living:
            process.signal(signal.SIGKILL)
            process.wait(PATIENCE)
        if sys.platform != "linux":  # there they die with their parents
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def refused(self) -> int:
        """Outcomes that the fence refused, as the workers say."""
        logs = (crew.log.read_text(encoding="utf-8", errors="replace") for crew in self.crews)
        return sum(log.count(REFUSED) for log in logs)


def _children() -> dict[int, list[int]]:
    """The living children of every process."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=True,
    )
    family: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        pid, parent, state = line.split()
        if not state.startswith("Z"):
            family.setdefault(int(parent), []).append(int(pid))
    return family
