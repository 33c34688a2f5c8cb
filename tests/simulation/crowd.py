"""Many seeds on all cores: a pool of processes, each with a database of its own."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulation.world import run

CHUNK = 100


@dataclass
class Account:
    """What came of many seeds.

    Attributes:
        broken: of each seed that broke the promise, how.
        ended: how often attempts ended, by outcome.
        kinds: how many seeds of each kind.
        seen: how often what had to be judged.
    """

    broken: dict[int, str] = field(default_factory=dict[int, str])
    ended: Counter[str] = field(default_factory=Counter[str])
    kinds: Counter[str] = field(default_factory=Counter[str])
    seen: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    def add(self, other: Account) -> None:
        self.broken |= other.broken
        self.ended += other.ended
        self.kinds += other.kinds
        self.seen += other.seen
        self.seconds += other.seconds


def run_all(seeds: Sequence[int]) -> Account:
    """Seeds one after the other, in this process."""
    account = Account()
    for seed in seeds:
        verdict = run(seed)
        if verdict.failure is not None:
            account.broken[seed] = f"({verdict.kind}) {verdict.failure}"
        account.ended.update(verdict.ended)
        account.kinds[verdict.kind] += 1
        account.seen.update(verdict.seen)
        account.seconds += verdict.seconds
    return account


@contextmanager
def pool() -> Iterator[ProcessPoolExecutor]:
    """A process a core. Spawned: what this process has loaded and started stays out of it."""
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin) as executor:
        yield executor


def run_crowd(seeds: Sequence[int]) -> Account:
    """Seeds on all cores."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    account = Account()
    with pool() as executor:
        for future in as_completed([executor.submit(run_all, chunk) for chunk in chunks]):
            account.add(future.result())
    return account


def told(broken: dict[int, str], most: int = 5) -> str:
    """How to have the worst again."""
    lines = [f"seed {seed} {why}" for seed, why in sorted(broken.items())[:most]]
    again = f"python -m tests.simulation {min(broken)} --trace" if broken else ""
    return "\n".join([f"{len(broken)} seeds broke the promise", *lines, again])


def _begin() -> None:
    # Seeds leave cycles behind, and what was imported none.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
