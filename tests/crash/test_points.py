"""SIGKILL at every statement, and between them: then another process finishes the work.

On D1 nobody else's process can be killed: `tests/workers` kills its runtime amid a batch, and has
an error come at every statement.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FEWEST = {
    "sqlite": {"migrate": 80, "upgrade": 10, "enqueue": 80, "perform": 80, "tick": 80, "act": 80},
    "postgres": {"migrate": 9, "upgrade": 9, "enqueue": 80, "perform": 80, "tick": 80, "act": 80},
}
"""Points that each of the scenarios has, at least, by database."""
ONE_IN = {"sqlite": 14, "postgres": 120}
"""Of the points, in the short form: on PostgreSQL, a trial takes a second."""
ONE_OF_FEW = 5
"""The same where there are few."""
MANY = 20
SCENARIOS = tuple(FEWEST["sqlite"])


def trials(scenario: str, step: int, server: str | None) -> list[dict[str, Any]]:
    """What became of each; the last one is that nobody died in."""
    where = ["--server", server] if server else []
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.points", scenario, "--step", str(step), *where],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(scenario: str, tmp_path: Path, step: int | None = None) -> None:
    named = tmp_path / "database"
    server = named.read_text() if named.exists() else None
    kind = "postgres" if server else "sqlite"
    fewest = FEWEST[kind][scenario]
    step = step or (ONE_IN[kind] if fewest > MANY else ONE_OF_FEW)
    found = trials(scenario, step, server)
    assert [trial for trial in found if trial["wrong"]] == []
    assert [trial["code"] for trial in found] == [-9] * (len(found) - 1) + [0]
    assert found[-1]["n"] >= fewest


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_some_of_all_points(scenario: str, tmp_path: Path) -> None:
    judged(scenario, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_point(scenario: str, tmp_path: Path) -> None:
    judged(scenario, tmp_path, step=1)
