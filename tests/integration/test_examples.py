"""The examples, run as their READMEs say, on real input."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
import tokenize
import warnings
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests.integration.cli_world import Shell

from kiribi import Job, Kiribi
from kiribi.application import load

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_hello(tmp_path: Path) -> None:
    app = str(EXAMPLES / "hello" / "app.py")
    shell = Shell(tmp_path)
    with shell.start("worker", app) as worker:
        mail = ("enqueue", "SEND_MAIL", '{"to": "ada@example.org"}', "--wait")
        done = shell(*mail, "--app", app)
        assert json.loads(done.out) == {"accepted": "ada@example.org"}
        bad = ("enqueue", "SEND_MAIL", '{"to": "nobody"}', "--max-attempts", "1", "--wait")
        failed = shell(*bad, code=1)
        assert failed.err.splitlines()[-1].endswith("ValueError: 'nobody' is no address")
        worker.heard("SEND_MAIL .* failed for good: 'nobody' is no address")
        assert worker.end() == 0


def test_postgres(tmp_path: Path, postgres_url: str) -> None:
    example = EXAMPLES / "postgres"
    env = {"KIRIBI_DATABASE_URL": postgres_url}
    machines = [Shell(tmp_path / name, env) for name in ("left", "right")]
    with ExitStack() as stack:
        for machine in machines:
            machine.folder.mkdir()
            worker = stack.enter_context(machine.start("worker", str(example / "app.py")))
            worker.heard("working: 1 process")
        done = subprocess.run(
            [sys.executable, example / "shop.py", "200"],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["orders wanted: 200, taken: 180", "orders confirmed: 180"]
    by_process = [int(line.split()[0]) for line in lines[2:]]
    assert sum(by_process) == 180
    with psycopg.connect(postgres_url) as connection:
        orders = {id for (id,) in connection.execute("SELECT id FROM orders")}
        jobs = connection.execute("SELECT status, payload FROM kiribi.job").fetchall()
    assert {json.loads(payload)["order"] for _, payload in jobs} == orders
    assert [status for status, _ in jobs] == ["COMPLETED"] * 180


@pytest.mark.timeout(240)
def test_stdlib_index(tmp_path: Path) -> None:
    example = EXAMPLES / "stdlib_index"
    done = subprocess.run(
        [sys.executable, example / "main.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr

    app = load(str(example / "app.py")).module
    paths: list[str] = app.sources()
    jobs = asyncio.run(recorded(tmp_path / "stdlib-index.db", len(paths)))
    assert sorted(job.payload["path"] for job in jobs) == paths
    ended = {job.payload["path"]: job for job in jobs}
    counted = {path: functions(app.STDLIB / path) for path in paths}
    for path, job in ended.items():
        if (known := counted[path]) is None:
            assert (job.status, job.attempts) == ("FAILED", 1), path
            assert job.error is not None
            assert "Error: " in job.error.message
        else:
            assert (job.status, job.result["functions"]) == ("COMPLETED", known), path
    total = sum(known or 0 for known in counted.values())
    assert f"│ functions         │ {total:,} " in done.stdout


async def recorded(path: Path, number: int) -> list[Job]:
    """Every job, whole."""
    async with Kiribi.connect(f"sqlite:///{path}") as kiribi:
        assert (await kiribi.count()).value == number
        found: list[Job] = []
        before = None
        while True:
            page = await kiribi.find_many(before=before, limit=1000)
            found += await kiribi.store.find([job.id for job in page.jobs])
            if (before := page.next) is None:
                return found


def functions(path: Path) -> int | None:
    """How many functions a file defines, counted without Kiribi; None if it is no Python."""
    try:
        with tokenize.open(path) as file, warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(isinstance(node, kinds) for node in ast.walk(tree))
