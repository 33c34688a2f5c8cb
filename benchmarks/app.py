"""The application under measure: performers that do next to nothing."""

import time
from typing import Any

from kiribi import Performer


class Noop(Performer):
    async def perform(self, payload: dict[str, Any]) -> None:
        pass


class Stamp(Performer):
    """Returns how long it waited, in nanoseconds of the clock all processes of a machine share."""

    async def perform(self, payload: dict[str, Any]) -> int:
        return time.monotonic_ns() - payload["asked"]


class Often(Performer):
    """Fails for good once in fifty jobs."""

    max_attempts = 1

    async def perform(self, payload: dict[str, Any]) -> None:
        if payload["n"] % 50 == 0:
            raise ValueError(f"job {payload['n']} had to fail")


class Seldom(Performer):
    """Fails for good once in a thousand jobs."""

    max_attempts = 1

    async def perform(self, payload: dict[str, Any]) -> None:
        if payload["n"] % 1000 == 0:
            raise ValueError(f"job {payload['n']} had to fail")
