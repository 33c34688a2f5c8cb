"""What every measure works with: sizes, a fresh database file, a place to say what goes on."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

PATIENCE = 300.0
"""Seconds after which something that should have happened counts as broken."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bound on a figure, or on how many times another it is.

    Attributes:
        beside: the samples of that other, turn by turn: the median of the turns' ratios is
            judged, because the machine changes between turns more than within one.
    """

    text: str
    least: float | None = None
    most: float | None = None
    beside: Sequence[float] = ()

    def judged(self, figure: Figure) -> float:
        """What the bound is for: the figure's value, or the ratio."""
        if not self.beside:
            return figure.value
        pairs = zip(figure.samples, self.beside, strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def kept(self, figure: Figure) -> bool:
        """Does `figure` keep it?"""
        value = self.judged(figure)
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: the median of `samples` unless its name says otherwise."""

    name: str
    value: float
    unit: str
    bars: Sequence[Bar] = ()
    samples: Sequence[float] = ()
    note: str = ""


@dataclass(slots=True)
class Bench:
    """The run: where files go and how much is measured.

    Attributes:
        say: shows what is being measured.
        jobs: how many jobs a throughput is measured over.
        history: finished jobs in the large file.
        kept: finished jobs in the large PostgreSQL database.
        pinned: jobs that pass while a transaction stays open.
        idle: workers that listen while one works.
        repeat: how often each throughput is measured; the median counts.
        samples: how many starts a latency is taken from.
        idle_seconds: how long an idle worker is watched.
    """

    directory: Path
    say: Callable[[str], None]
    jobs: int = 10_000
    history: int = 1_000_000
    kept: int = 10_000_000
    pinned: int = 200_000
    idle: int = 50
    repeat: int = 7
    samples: int = 300
    idle_seconds: float = 20.0
    _files: int = field(default=0, init=False)

    def quick(self) -> Bench:
        """The same with little to do: says that it runs, not how fast."""
        return replace(
            self,
            jobs=2_000,
            history=20_000,
            kept=20_000,
            pinned=20_000,
            idle=5,
            repeat=1,
            samples=10,
            idle_seconds=1.0,
        )

    def fresh(self) -> Path:
        """A path for a database that does not exist yet."""
        self._files += 1
        return self.directory / f"{self._files}.db"


def median(name: str, samples: Sequence[float], unit: str, *bars: Bar, note: str = "") -> Figure:
    """The figure of several measurements."""
    return Figure(name, statistics.median(samples), unit, bars, tuple(samples), note)


def percentile(samples: Sequence[float], share: float) -> float:
    """The value that `share` of the samples don't exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def until(condition: Callable[[], object], what: str, *, pause: float = 0.01) -> None:
    """Look every `pause` seconds until `condition` holds.

    Raises:
        TimeoutError: it never did.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(pause)


def observed_rate(done: Callable[[], int], total: int) -> float:
    """Jobs per second as seen from outside, from the first look at finished jobs to the last job.

    The start of the worker's process is left out; its start of work is not.
    """
    seen, since = 0, 0.0

    def all_done() -> bool:
        nonlocal seen, since
        number, now = done(), time.perf_counter()
        if number and not seen:
            seen, since = number, now
        return number >= total

    until(all_done, f"{total} jobs done", pause=0.005)
    return (total - seen) / (time.perf_counter() - since)
