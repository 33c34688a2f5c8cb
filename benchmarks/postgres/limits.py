"""What limits and unique keys cost on PostgreSQL: measured as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import limits, unique
from benchmarks.bench import Bench, Figure
from benchmarks.postgres import sides
from benchmarks.postgres.database import databases
from benchmarks.postgres.kiribi_side import KiribiSide

WHERE = "PostgreSQL: "


def measure(bench: Bench) -> Iterator[Figure]:
    """Limits, then unique keys."""
    with databases(bench) as fresh:

        def drain(keys: int) -> float:
            return sides.drain(KiribiSide(keys=keys), fresh, bench.jobs)

        yield from limits.measured(bench, WHERE, drain, fresh.fresh)
        yield from unique.measured(bench, WHERE, fresh.fresh)
