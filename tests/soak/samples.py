"""What is seen of a system under a steady load, each few seconds, and whether it stays so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MB = 1 << 20
WARM_UP = 0.25
"""The part at the beginning that is not compared: caches fill, modules load."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Sizes in bytes, times in seconds; None: nothing to see.

    Attributes:
        at: since the beginning.
        memory, files: of the resident worker, all its processes together.
        client_memory, client_files: of who enqueues.
        log: size of the write-ahead log.
        database: size of the database without it.
        waits: of jobs, from accepted to begun: the 50th, 95th and 99th percentile.
        calls: of `enqueue`, likewise.
        open: jobs that have not ended.
    """

    at: float
    memory: int | None
    files: int | None
    client_memory: int | None
    client_files: int | None
    log: int | None
    database: int | None
    waits: tuple[float, float, float] | None
    calls: tuple[float, float, float] | None
    open: int


@dataclass(frozen=True, slots=True)
class Flat:
    """The later half may be `factor` times the earlier one, and `slack` more.

    What grows by the same amount all the time, from nothing, is 1.9 times as much in the later one.
    """

    name: str
    of: Callable[[Sample], float | None]
    factor: float
    slack: float

    def broken(self, samples: Sequence[Sample]) -> str | None:
        """What is wrong, if it is."""
        warm = [self.of(sample) for sample in samples[int(len(samples) * WARM_UP) :]]
        seen = [value for value in warm if value is not None]
        if len(seen) < 4:
            return None
        earlier, later = median(seen[: len(seen) // 2]), median(seen[len(seen) // 2 :])
        most = earlier * self.factor + self.slack
        if later <= most:
            return None
        return f"{self.name}: {earlier:,.4g} in the earlier half, {later:,.4g} in the later one"


SIZES = (
    Flat("memory of the worker", lambda one: one.memory, 1.25, 32 * MB),
    Flat("memory of who enqueues", lambda one: one.client_memory, 1.25, 32 * MB),
    Flat("open files of the worker", lambda one: one.files, 1, 16),
    Flat("open files of who enqueues", lambda one: one.client_files, 1, 16),
    Flat("write-ahead log", lambda one: one.log, 1.25, 8 * MB),
)
"""They stay, however loaded the machine is."""
LATER = (
    Flat("database", lambda one: one.database, 1.25, 4 * MB),
    Flat("open jobs", lambda one: one.open, 1.5, 50),
    Flat("wait, 50th percentile", lambda one: one.waits and one.waits[0], 1.5, 0.05),
    Flat("wait, 95th percentile", lambda one: one.waits and one.waits[1], 1.5, 0.25),
    Flat("wait, 99th percentile", lambda one: one.waits and one.waits[2], 1.5, 1.0),
    Flat("enqueue, 50th percentile", lambda one: one.calls and one.calls[0], 1.5, 0.02),
    Flat("enqueue, 99th percentile", lambda one: one.calls and one.calls[2], 1.5, 0.25),
)
"""Only after a while do they say something: not in a short run, nor on a busy machine."""


def broken(samples: Sequence[Sample], rules: Sequence[Flat]) -> list[str]:
    """The rules that do not hold."""
    return [said for rule in rules if (said := rule.broken(samples))]


def percentiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """The 50th, 95th and 99th."""
    if not values:
        return None
    ordered = sorted(values)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, len(ordered) * n // 100)] for n in (50, 95, 99))
    return p50, p95, p99


def size(path: str) -> int | None:
    """Bytes of a file; None: there is none."""
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return None
