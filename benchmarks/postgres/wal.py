"""What a job adds to the write-ahead log, from its enqueueing until it is COMPLETED."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bar, Bench, Figure, median
from benchmarks.postgres import peers, sides
from benchmarks.postgres.database import Databases, ask, databases
from benchmarks.postgres.kiribi_side import KiribiSide
from benchmarks.postgres.sides import Side

MOST = 2.2 * 1024


def measure(bench: Bench) -> Iterator[Figure]:
    """Kiribi and its peers in turn."""
    others = peers.there()
    told: dict[str, list[float]] = {name: [] for name in ("ours", "single", *others)}
    with databases(bench) as fresh:
        for turn in range(bench.repeat):
            bench.say(f"PostgreSQL: write-ahead log, {turn + 1} of {bench.repeat}")
            told["ours"].append(_bytes(KiribiSide(), fresh, bench.jobs, many=True))
            told["single"].append(_bytes(KiribiSide(), fresh, bench.jobs // 4, many=False))
            for name, (peer, side) in others.items():
                told[name].append(_bytes(side, fresh, int(bench.jobs * peer.share), many=True))
    title = "PostgreSQL: write-ahead log of a job"
    note = "from enqueue_many to COMPLETED, after a checkpoint, with all that its worker writes"
    yield median(title, told["ours"], "B", Bar("", most=MOST), note=note)
    yield median("  enqueued one by one", told["single"], "B", Bar("", most=MOST))
    for name in others:
        yield median(f"  {name}", told[name], "B")


def _bytes(side: Side, fresh: Databases, jobs: int, *, many: bool) -> float:
    with fresh.fresh() as url:
        side.make(url)
        ask(url, "CHECKPOINT")
        (before,) = ask(url, "SELECT pg_current_wal_insert_lsn()::text")
        (side.enqueue_many if many else side.enqueue)(url, jobs)
        with side.worker(url) as process:
            sides.worked_off(side, url, jobs, process)
            after = "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn"
            return float(ask(url, after, before)[0]) / jobs
