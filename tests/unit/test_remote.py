"""What other Workers call, on SQLite; `tests/workers` calls it over RPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kiribi import Discard, InvalidInput, Kiribi, Performer
from kiribi.runtimes.remote import Remote
from kiribi.testing import drain


class Sum(Performer):
    async def perform(self, payload: Any) -> Any:
        if payload is None:
            raise Discard("nothing to add")
        return sum(payload)


@asynccontextmanager
async def remote(folder: Path) -> AsyncGenerator[tuple[Remote, Kiribi]]:
    async with Kiribi.connect(f"sqlite:///{folder}/jobs.db", performers=[Sum]) as kiribi:
        await kiribi.register(["SUM"])
        yield Remote(kiribi), kiribi


async def test_the_options_of_typescript(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, _):
        rule = {"key": "k", "within": 60, "onConflict": "replace"}
        first = await called.enqueue("SUM", [1], {"unique": rule, "firstDelay": 60})
        again = await called.enqueue("SUM", [2], {"unique": rule, "firstDelay": 60})
        assert (again["id"], again["payload"]) == (first["id"], [2])
        second = await called.enqueue("SUM", [3], {"after": first["id"], "afterFailed": "run"})
        options = {"concurrencyKey": "c", "after": [first["id"], second["id"]]}
        third = await called.find((await called.enqueue("SUM", [4], options))["id"])
        assert third["params"] == options


async def test_figures_have_times(tmp_path: Path) -> None:
    async with remote(tmp_path) as (called, kiribi):
        await called.enqueue_many([["SUM", [1]], ["SUM", None]])
        await drain(kiribi)
        [stats] = await called.stats({"hours": 1, "bindings": ["SUM"]})
        assert (stats["completed"], stats["failed"], stats["failureRate"]) == (1, 1, 0.5)
        [failure] = await called.failures({"limit": 1})
        assert (failure["type"], failure["count"]) == ("Discard", 1)
        for time in (stats["since"], failure["firstAt"], failure["lastAt"]):
            assert isinstance(time, datetime)
            assert time.utcoffset() == timedelta()


@pytest.mark.parametrize("method", ["stats", "failures", "find_many", "sweep"])
async def test_what_is_not_to_be_asked_is_refused_by_name(tmp_path: Path, method: str) -> None:
    async with remote(tmp_path) as (called, _):
        with pytest.raises(InvalidInput, match="'hour'"):
            await getattr(called, method)({"hour": 1})
        with pytest.raises(InvalidInput, match="give an object with any of"):
            await getattr(called, method)(24)
