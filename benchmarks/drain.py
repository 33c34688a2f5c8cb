"""How fast one worker process works off jobs that wait."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import bare, huey_side, kiribi_side
from benchmarks.bench import Bar, Bench, Figure, median


def measure(bench: Bench) -> Iterator[Figure]:
    """Kiribi, Huey and the bare loop in turn, so that all see the same machine."""
    ours: list[float] = []
    huey: list[float] = []
    loop: list[float] = []
    for turn in range(bench.repeat):
        bench.say(f"draining {bench.jobs:,} jobs, {turn + 1} of {bench.repeat}")
        ours.append(kiribi_side.drain(bench.fresh(), bench.jobs))
        # a fifth says it, too, and it takes ten times as long
        huey.append(huey_side.drain(bench.fresh(), bench.jobs // 5))
        loop.append(bare.drain(bench.fresh(), bench.jobs))
    yield median(
        f"drain of {bench.jobs:,} waiting jobs",
        ours,
        "/s",
        Bar("Huey", least=10, beside=huey),
        Bar("bare loop", least=0.4, beside=loop),
        note="kiribi worker, one process, concurrency 100",
    )
    yield median("  Huey", huey, "/s", note="SqliteHuey, fsync, results kept, one thread")
    yield median("  bare loop", loop, "/s", note=f"our statements on APSW, {bare.BATCH} a batch")
