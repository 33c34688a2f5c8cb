"""How fast jobs are accepted, each durable when its call returns."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, Figure, median
from benchmarks.postgres import peers, sides
from benchmarks.postgres.database import databases
from benchmarks.postgres.kiribi_side import KiribiSide

PART = 0.25
"""Of the jobs, one by one."""


def measure(bench: Bench) -> Iterator[Figure]:
    """One by one, and all at once; Kiribi and its peers in turn."""
    ours = KiribiSide()
    others = peers.there()
    single: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    many: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    with databases(bench) as fresh:
        for turn in range(bench.repeat):
            bench.say(f"PostgreSQL: enqueueing, {turn + 1} of {bench.repeat}")
            few = int(bench.jobs * PART)
            single["ours"].append(sides.enqueue(ours, fresh, few, many=False))
            many["ours"].append(sides.enqueue(ours, fresh, bench.jobs, many=True))
            for name, (peer, side) in others.items():
                single[name].append(sides.enqueue(side, fresh, int(few * peer.share), many=False))
                many[name].append(
                    sides.enqueue(side, fresh, int(bench.jobs * peer.share), many=True)
                )
    bars = peers.bars(single, {"PgQueuer": 1.0})
    yield median("PostgreSQL: enqueue, one by one", single["ours"], "/s", *bars)
    for name in others:
        yield median(f"  {name}, one by one", single[name], "/s")
    bars = peers.bars(many, {"PgQueuer": 1.5})
    yield median(f"PostgreSQL: enqueue_many, {bench.jobs:,}", many["ours"], "/s", *bars)
    for name in others:
        yield median(f"  {name}, in bulk", many[name], "/s")
