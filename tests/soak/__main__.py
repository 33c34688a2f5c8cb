"""`python -m tests.soak --database URL --seconds N`: a soak, judged, and its picture."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.plot import plot
from tests.soak.samples import LATER, SIZES, broken
from tests.soak.soak import Outcome, Plan, soak


def judged(outcome: Outcome) -> list[str]:
    """What is wrong with the jobs."""
    told = f"{outcome.accepted} accepted, {outcome.completed} completed, {outcome.failed} failed"
    return [] if (outcome.completed, outcome.failed) == (outcome.accepted, 0) else [told]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--database", help="an empty one; a file of its own by default")
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--rate", type=float, default=50, help="jobs a second")
    parser.add_argument("--plot", type=Path, default=Path("soak.svg"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite:///{folder}/jobs.db"
        plan = Plan(given.seconds, given.rate, max(1.0, given.seconds / 360), 20.0)
        outcome = asyncio.run(soak(database, Path(folder), plan))
    title = (
        f"{outcome.accepted:,} jobs in {given.seconds / 60:.0f} minutes, {outcome.visits} workers "
        f"came and went ({database.partition(':')[0]})"
    )
    given.plot.write_text(plot(title, outcome.samples), "utf-8")
    wrong = [*judged(outcome), *broken(outcome.samples, (*SIZES, *LATER))]
    print(title, *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
