"""Real supervisors with real children on a real database, to be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import apsw

from kiribi import Job, Kiribi

T = TypeVar("T")
SECONDS = 40.0
"""The deadline of everything that is waited for."""
LEASE_MS, BEAT = 1_500, 0.3
"""Short, for tests that wait for a lease to lapse."""
LONG_LEASE_MS = 600_000
"""For tests of what must not take that long."""

RUN = """
import json, sys
from kiribi.runtimes import supervisor

options = json.loads(sys.argv[1])
exec(options.pop("first", ""))
supervisor.START_PAUSES = options.pop("start_pauses", supervisor.START_PAUSES)
sys.exit(supervisor.run(**options))
"""

APP = '''
import asyncio, ctypes, fcntl, os, signal, struct, sys, time
from pathlib import Path
from kiribi import Performer

HERE = Path(__file__).parent

class Crashing(Performer):
    """Notes down each attempt, so that the test knows what really ran."""
    retry_delay = 0
    def note(self, word):
        line = f"{word} {self.job.id} {self.job.attempts} {os.getpid()}\\n"
        fd = os.open(HERE / "ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, line.encode())
        os.close(fd)

class Quick(Crashing):
    async def perform(self, payload):
        self.note("quick")
        await asyncio.sleep(payload)

class InThread(Crashing):
    def perform(self, payload):
        self.note("thread")
        time.sleep(payload)

class InProcess(Crashing):
    executor = "process"
    def perform(self, payload):
        self.note("process")
        time.sleep(payload)

class Hold(Crashing):
    """Runs until it may go on: then it returns."""
    async def perform(self, payload):
        self.note("hold")
        while not (HERE / "go").exists():
            await asyncio.sleep(0.01)
        return "went on"

class BlockLoop(Crashing):
    async def perform(self, payload):
        self.note("block")
        time.sleep(payload)
        return "done"

class HoldGil(Crashing):
    def perform(self, payload):
        self.note("gil")
        ctypes.PyDLL(None).usleep(int(payload * 1_000_000))
        return "done"

class HoldGilInWrite(Crashing):
    """Takes the GIL while another thread of its process is amidst a transaction (on Linux)."""
    def perform(self, payload):
        self.note("gil")
        libc = ctypes.PyDLL(None)  # calls keep the GIL
        shm = os.open(HERE / "jobs.db-shm", os.O_RDWR)  # closing it would let go of the locks
        write_lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 120, 1, 0)
        lock = ctypes.create_string_buffer(write_lock, len(write_lock))
        def is_locked():
            lock.raw = write_lock
            F_OFD_GETLK = 36
            libc.fcntl(shm, F_OFD_GETLK, lock)
            return struct.unpack("hhqqi4x", lock.raw)[0] != fcntl.F_UNLCK
        sys.setswitchinterval(1_000)  # threads that wait for the GIL don't ask for it
        while True:
            if is_locked():
                libc.usleep(100_000)  # a COMMIT ends without the GIL
                if is_locked():
                    break
            time.sleep(0)
        libc.usleep(int(payload * 1_000_000))
        self.note("locked" if is_locked() else "unlocked")
        sys.setswitchinterval(0.005)
        return "done"

class Stuck(Crashing):
    def perform(self, payload):
        self.note("stuck")
        time.sleep(600)

class Kill(Crashing):
    async def perform(self, payload):
        self.note("kill")
        await asyncio.sleep(0.2)  # its neighbours have begun
        os.kill(os.getpid(), signal.SIGKILL)
'''


def database_of(folder: Path) -> str:
    """Where the jobs of a test are: a file of its folder, or what `database` noted down there."""
    elsewhere = folder / "database"
    return elsewhere.read_text() if elsewhere.exists() else f"sqlite:///{folder}/jobs.db"


class Crew:
    """A supervisor process and its children."""

    def __init__(self, folder: Path, **options: Any) -> None:
        app = folder / "app.py"
        if not app.exists():
            app.write_text(APP)
        self._file = folder / "jobs.db"
        known = {"source": str(app), "database": database_of(folder), "grace": 20}
        given = json.dumps({**known, "lease_ms": LONG_LEASE_MS, "beat": 1, **options})
        self._said = folder / f"said-{time.monotonic_ns()}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, given],
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._seen: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.kill()
        for pid in self._seen:
            wait_until_gone(pid)
        if error is not None:
            print(self.said)

    @property
    def said(self) -> str:
        return self._said.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def freeze(self) -> None:
        """SIGSTOP, but not amidst a transaction on SQLite: for as long, nobody could write."""
        deadline = time.monotonic() + SECONDS
        while True:
            self.signal(signal.SIGSTOP)
            os.waitpid(self.process.pid, os.WUNTRACED)  # all of its threads have stopped
            if not self._file.exists() or can_be_written(self._file):
                return
            assert time.monotonic() < deadline, "it is always amidst a transaction"
            self.signal(signal.SIGCONT)

    async def heard(self, text: str) -> None:
        """Wait until it has said `text`."""

        async def look() -> bool:
            return text in self.said

        await until(look)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """SIGKILL; the children see to their own end."""
        self._seen.update(children_of(self.process.pid))
        self.process.kill()
        self.process.wait(SECONDS)

    def children(self) -> list[int]:
        """The process ids of its children."""
        return children_of(self.process.pid)


def can_be_written(path: Path) -> bool:
    """Whether nobody keeps SQLite's write lock."""
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(1_000)
        connection.execute("BEGIN IMMEDIATE; ROLLBACK")
    except apsw.BusyError:
        return False
    finally:
        connection.close()
    return True


def children_of(pid: int) -> list[int]:
    """The child processes of a process."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and not row[2].startswith("Z")]


def state_of(pid: int) -> str:
    """The state of a process as `ps` says, "" if there is none."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    return state_of(pid)[:1] in ("", "Z")


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is nobody's child of ours."""
    deadline = time.monotonic() + SECONDS
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


def ran(folder: Path) -> list[tuple[str, str, int, int]]:
    """What the performers noted down: (word, job id, attempt, process id)."""
    file = folder / "ran"
    if not file.exists():
        return []
    rows = [line.split() for line in file.read_text().splitlines()]
    return [(word, id, int(attempt), int(pid)) for word, id, attempt, pid in rows]


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


async def begun(folder: Path, job: Job, attempt: int = 1) -> int:
    """The process id in which this attempt runs, once it does."""

    async def look() -> int | None:
        return next((row[3] for row in ran(folder) if row[1:3] == (job.id, attempt)), None)

    return await until(look)


async def ended(kiribi: Kiribi, job: Job) -> Job:
    """The job, once it has ended."""

    async def look() -> Job | None:
        found = await kiribi.find(job.id)
        return found if found and found.status.is_final else None

    return await until(look)


async def found(kiribi: Kiribi, job: Job) -> Job:
    """The job as it is now."""
    (now,) = await kiribi.store.find([job.id])
    return now


@asynccontextmanager
async def looking(folder: Path) -> AsyncGenerator[Kiribi]:
    """A manager on the database, without performers."""
    async with Kiribi.connect(database_of(folder), performers=()) as kiribi:
        yield kiribi
