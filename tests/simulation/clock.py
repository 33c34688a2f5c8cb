"""Time and chance as the seed has them, for all that asks the standard library."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import patch

from kiribi import job

if TYPE_CHECKING:
    from tests.simulation.loop import SimulatedLoop

START = 1_900_000_000.0
"""Epoch seconds at which every seed starts."""


class Clock:
    """The machine's clocks: one that only goes on, and one that is set now and then."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._set = START

    def monotonic(self) -> float:
        return self._loop.now

    def time(self) -> float:
        return self._set + self._loop.now

    def ns(self) -> int:
        return round(self.time() * 1_000_000_000)

    def ms(self) -> int:
        """The store's clock."""
        return int((self._set + self._loop.now) * 1000)

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self._set += seconds


@contextmanager
def by_the_seed(clock: Clock, chance: Random) -> Iterator[None]:
    """Within this, `time`, `random`, `secrets` and `os.urandom` are the simulation's."""
    state = random.getstate()
    random.seed(chance.getrandbits(64))
    job._count.cache_clear()
    try:
        with (
            patch.multiple(
                time,
                time=clock.time,
                time_ns=clock.ns,
                monotonic=clock.monotonic,
                perf_counter=clock.monotonic,
            ),
            patch.multiple(os, urandom=chance.randbytes, cpu_count=lambda: 2),
            patch.object(secrets, "token_hex", lambda size: chance.randbytes(size).hex()),
        ):
            yield
    finally:
        job._count.cache_clear()
        random.setstate(state)
