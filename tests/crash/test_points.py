"""SIGKILL at every statement, and between them: then another process finishes the work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = ("migrate", "enqueue", "perform", "tick", "act")
ONE_IN = 14
"""Of the points, in the short form."""
FEWEST = 80
"""Points that each of the scenarios has, at least."""


def trials(scenario: str, step: int) -> list[dict[str, Any]]:
    """What became of each; the last one is that nobody died in."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.points", scenario, "--step", str(step)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(scenario: str, step: int) -> None:
    found = trials(scenario, step)
    assert [trial for trial in found if trial["wrong"]] == []
    assert [trial["code"] for trial in found] == [-9] * (len(found) - 1) + [0]
    assert found[-1]["n"] >= FEWEST


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_some_of_all_points(scenario: str) -> None:
    judged(scenario, ONE_IN)


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_point(scenario: str) -> None:
    judged(scenario, 1)
