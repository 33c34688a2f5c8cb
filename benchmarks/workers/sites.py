"""Workers on the real runtime: a manager, who enqueues, and who performs."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.workers.dev import Dev, dev, project, until
from tests.workers.world import DATABASE, manager, migrate

HERE = Path(__file__).parent
PATIENCE = 300.0
IN_PROCESS = """
from kiribi import Kiribi, Performer

class Noop(Performer):
    async def perform(self, payload: dict):
        return payload["n"]

class Default(Kiribi): ...
"""
OVER_RPC = """
from kiribi import Kiribi

class Default(Kiribi): ...
"""
PERFORMER = {"binding": "NOOP", "service": "perform", "entrypoint": "Noop"}
OPEN = {"KIRIBI_OPEN": "1"}
CONSUMER = {"queue": "jobs", "max_batch_size": 10, "max_batch_timeout": 1}
"""How `kiribi init` has it."""
QUEUES = {
    "producers": [{"binding": "KIRIBI_QUEUE", "queue": "jobs"}],
    "consumers": [CONSUMER],
}


@dataclass(frozen=True, slots=True)
class Site:
    """Running Workers. `table`: where the manager keeps its jobs."""

    running: Dev
    table: str
    started: float
    """When the runtime was asked to start, by the monotonic clock."""

    def ask(self, *asked: Any) -> Any:
        """Have `load.ts` do something."""
        request = urllib.request.Request(self.running.url, json.dumps(asked).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)

    def rate(self, how: str, jobs: int) -> float:
        """Jobs per second, from the first `enqueue` to the end of the last job."""
        before = self.ask("completed", self.table)
        begun = time.perf_counter()
        self.ask(how, jobs)
        until(
            lambda: self.ask("completed", self.table) == before + jobs,
            PATIENCE,
            self.running.log[-2000:],
        )
        return jobs / (time.perf_counter() - begun)


@contextmanager
def kiribi(folder: Path, *, rpc: bool, rest: bool = False) -> Generator[Site]:
    """Our manager; jobs are performed over RPC by a Worker in TypeScript, or by its own class."""
    entry, services = (OVER_RPC, [PERFORMER]) if rpc else (IN_PROCESS, [])
    jobs = manager(
        folder / "jobs",
        entry,
        services=services,
        variables=OPEN,
        queues=QUEUES,
        packages=rest,
    )
    migrate(folder / "jobs", folder / "state")
    with _site(folder, jobs, "job", rpc=rpc) as site:
        yield site


@contextmanager
def replay(folder: Path) -> Generator[Site]:
    """npm kiribi's statements and messages."""
    config = {
        "name": "jobs",
        "main": "src/index.ts",
        "d1_databases": [{**DATABASE, "migrations_dir": "none"}],
        "queues": QUEUES,
        "services": [PERFORMER],
    }
    source = (HERE / "replay.ts").read_text("utf-8")
    with _site(
        folder, project(folder / "jobs", config, {"src/index.ts": source}), "Job", rpc=True
    ) as site:
        site.ask("call", "setUp")
        site.ask("call", "billed")
        yield site


@contextmanager
def _site(folder: Path, jobs: Path, table: str, *, rpc: bool) -> Generator[Site]:
    load = project(
        folder / "load",
        {
            "name": "load",
            "main": "src/index.ts",
            "services": [{"binding": "KIRIBI", "service": "jobs"}],
            "d1_databases": [DATABASE],
        },
        {"src/index.ts": (HERE / "load.ts").read_text("utf-8")},
    )
    perform = project(
        folder / "perform",
        {"name": "perform", "main": "src/index.ts"},
        {"src/index.ts": (HERE / "perform.ts").read_text("utf-8")},
    )
    configs = [load, jobs, *([perform] if rpc else [])]
    started = time.monotonic()
    with dev(*configs, state=folder / "state") as running:
        yield Site(running, table, started)
