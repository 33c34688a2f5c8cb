"""The benchmark on workerd runs, with all its rows. How fast that is, `make bench-workers` says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.workers.require import require

ROOT = Path(__file__).parents[2]
JUDGED = {
    "rows written a job, 1 binding",
    "rows read a job, 1 binding",
    "rows written a job, 2 bindings",
    "rows read a job, 2 bindings",
    "requests to D1 a job",
    "statements a batch",
    "operations of the queue a job, enqueued in hundreds",
    "operations of the queue a job, enqueued one by one",
}
MEASURED = {
    "over RPC, enqueued in hundreds",
    "over RPC, 20 callers, one by one",
    "npm kiribi replayed, 20 callers, one by one",
    "in the manager's Worker, in hundreds",
    "in the manager's Worker, 20 callers, one by one",
    *(f"first request of a Worker, {how}" for how in ("RPC", "REST")),
    *(f"a later request, {how}" for how in ("RPC", "REST")),
    "uploaded, the manager",
    "uploaded, with REST's packages",
}


def quick(*groups: str) -> dict[str, Any]:
    """The figures of a quick run."""
    require()
    command = [sys.executable, "-m", "benchmarks.workers", "--quick", "--json", "--only", *groups]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["figures"]}


def test_what_a_job_costs_keeps_every_bar() -> None:
    figures = quick("cost")
    assert figures.keys() == JUDGED
    assert {name for name, one in figures.items() if not one["passed"]} == set()


@pytest.mark.long
def test_a_quick_run_measures_every_row() -> None:
    figures = quick("throughput", "start")
    assert figures.keys() >= MEASURED
    npm = {what: figures[f"npm kiribi replayed, rows {what} a job"] for what in ("written", "read")}
    assert {what: one["value"] for what, one in npm.items()} == {"written": 19, "read": 6}
    assert all(one["value"] > 0 for one in figures.values())
