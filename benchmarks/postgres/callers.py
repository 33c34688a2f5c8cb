"""The event loop of those who enqueue, the same for all: it is the application's choice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar("T")


def run(task: Coroutine[Any, Any, T]) -> T:
    """On uvloop, as PgQueuer's own benchmark does, where that is installed."""
    if not find_spec("uvloop"):
        return asyncio.run(task)
    import uvloop

    return uvloop.run(task)
