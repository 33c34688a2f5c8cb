"""`import kiribi` is cheap: counted in modules, because a loaded machine says little in time."""

from __future__ import annotations

import json
import subprocess
import sys

FORBIDDEN = {
    "apsw",
    "asyncio",
    "asyncpg",
    "concurrent",
    "fastapi",
    "jsonschema",
    "multiprocessing",
    "pydantic",
    "rich",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "threading",
    "typer",
    "uvicorn",
}
MOST = 90
"""Modules; 55 of them come with dataclasses, datetime, enum, json, re, typing and uuid."""


def loaded(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; import json; "
    script += "print(json.dumps(sorted(set(sys.modules) - before)))"
    run = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout))


def test_loads_no_driver_no_server_no_thread() -> None:
    modules = loaded("import kiribi")
    assert not {name.partition(".")[0] for name in modules} & FORBIDDEN
    assert len(modules) <= MOST


def test_defining_an_application_loads_no_more() -> None:
    statement = (
        "import kiribi; exec('class Work(kiribi.Performer):\\n async def perform(self, p): ...'); "
        "exec('class Default(kiribi.Kiribi): ...')"
    )
    assert loaded(statement) == loaded("import kiribi")


def test_what_workers_load_has_no_processes_and_no_threads() -> None:
    modules = loaded(
        "import kiribi.runtimes.invocation, kiribi.runtimes.remote, kiribi.queues.cloudflare, "
        "kiribi.stores.d1, kiribi.executors.inline, kiribi.executors.outcomes"
    )
    assert not modules & {"apsw", "multiprocessing", "pydantic", "resource", "sqlite3"}
    assert not modules & {"kiribi.executors.process", "kiribi.executors.thread"}
