"""The promise holds, whatever goes wrong at whatever moment: ten thousand seeds."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.simulation.crowd import run_crowd, told

from kiribi.job import Outcome

ROOT = Path(__file__).parents[2]
SEEDS = 10_000
LONG_SEEDS = 200_000
SEEN = {
    *("unique job", "unique job retried", "duplicate", "replaced", "rescheduled"),
    *("tick", "run now", "missed", "left out"),
    *("step of cancel", "step of retry", "step of run_now", "step of delete", "action done"),
    *("successor", "let go (cancel)", "let go (run)", "let go (wait)"),
    *("not run (cancel)", "not run (wait)", "breaker open", "probe"),
}
"""What has to be judged often: a rule that is never asked proves nothing."""


@pytest.mark.timeout(900)
def test_the_promise_holds() -> None:
    """The same seeds each time: what is found here stays found."""
    account = run_crowd(range(SEEDS))
    print(f"{SEEDS} seeds, {account.seconds / 3600:.1f} virtual hours, {dict(account.ended)}")
    assert not account.broken, told(account.broken)
    _went_far(account.ended)
    assert account.seen.keys() >= SEEN
    assert min(account.seen[what] for what in SEEN) > 20, account.seen
    assert min(account.kinds.values()) > SEEDS / 20


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_the_promise_holds_for_new_seeds() -> None:
    first = int(os.environ.get("KIRIBI_SIMULATION_SEED") or secrets.randbelow(2**40))
    print(f"seeds from {first} on")
    account = run_crowd(range(first, first + LONG_SEEDS))
    assert not account.broken, told(account.broken)
    _went_far(account.ended)


def _went_far(ended: Counter[str]) -> None:
    """Everything that can become of an attempt did."""
    assert ended.keys() == {outcome.value for outcome in Outcome}
    assert min(ended.values()) > 100


def test_a_seed_is_the_same_each_time() -> None:
    """In another process, with other hashes: the same steps, to the last."""
    traces = [_traces(hash_seed) for hash_seed in ("1", "2")]
    assert traces[0] == traces[1]
    assert len(traces[0].splitlines()) > 5_000


def _traces(hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "0", "--count", "40", "--trace"]
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return ran.stdout
