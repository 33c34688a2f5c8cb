"""How soon an idle worker in another process starts a job, from the call that enqueues it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bar, Bench, Figure, percentile
from benchmarks.postgres import peers
from benchmarks.postgres.database import databases
from benchmarks.postgres.kiribi_side import KiribiSide
from benchmarks.postgres.sides import Side

TURNS = 5


def measure(bench: Bench) -> Iterator[Figure]:
    """Kiribi and its peers in turn."""
    ours: dict[str, Side] = {"PostgreSQL: start": KiribiSide()}
    others = {f"  {name}, start": side for name, (_, side) in peers.there().items()}
    told: dict[str, list[float]] = {}
    turns = min(TURNS, bench.repeat)
    with databases(bench) as fresh:
        for turn in range(turns):
            for name, side in {**ours, **others}.items():
                bench.say(f"{name.strip()}, {turn + 1} of {turns}")
                with fresh.fresh() as url:
                    side.make(url)
                    told.setdefault(name, []).extend(side.latency(url, bench.samples // turns))
    for name, waits in told.items():
        bars = [Bar("", most=4)] if name in ours else []
        last = [Bar("", most=15)] if name in ours else []
        yield Figure(f"{name}, p50", percentile(waits, 0.5), "ms", bars, waits)
        yield Figure(f"{name}, p99", percentile(waits, 0.99), "ms", last)
