"""What is measured on PostgreSQL, by the names that `--only` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.bench import Bench, Figure
from benchmarks.postgres import drain, enqueue, history, idle, limits, peers, pinned, start, wal

GROUPS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "pg-drain": drain.measure,
    "pg-enqueue": enqueue.measure,
    "pg-start": start.measure,
    "pg-wal": wal.measure,
    "pg-limits": limits.measure,
    "pg-history": history.measure,
    "pg-pinned": pinned.measure,
    "pg-idle": idle.measure,
}
HEADINGS: Mapping[str, str] = {
    "pg-drain": "PostgreSQL: working off",
    "pg-enqueue": "PostgreSQL: enqueueing",
    "pg-start": "PostgreSQL: starting",
    "pg-wal": "PostgreSQL: the write-ahead log",
    "pg-limits": "PostgreSQL: limits and unique keys",
    "pg-history": "PostgreSQL: beside ten million finished jobs",
    "pg-pinned": "PostgreSQL: while a transaction stays open",
    "pg-idle": "PostgreSQL: with many idle workers",
}


def settings() -> Iterator[str]:
    """How everybody was run, for the page."""
    yield (
        "The server at its default settings (`fsync` and `synchronous_commit` on), on the same "
        "cores; a fresh database for each measurement. All who enqueue run on uvloop; so do the "
        "peers' workers. Each peer at the best settings found here:"
    )
    yield ""
    for name, peer in peers.PEERS.items():
        share = "" if peer.share == 1 else f"; over {peer.share:.0%} of the jobs"
        settings = f"{peer.settings}{share}" if peer.there() else "not installed, left out"
        yield f"- **{name}**: {settings}"
    yield ""
