"""A live job is never taken away: its process may block the event loop, or hold the GIL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.crash.world import BEAT, LEASE_MS, Crew, begun, ended, looking, ran

from kiribi import JobStatus

LONG = 4 * LEASE_MS / 1000
"""Seconds in which a lease that nobody renews has lapsed for long."""


@pytest.mark.parametrize("binding", ["BLOCK_LOOP", "HOLD_GIL"])
def test_what_blocks_its_process_is_not_run_twice(tmp_path: Path, binding: str) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with (
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT),
                # Another, to bury whoever lets its lease lapse, and to take its jobs.
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT),
            ):
                job = await kiribi.enqueue(binding, LONG)
                await begun(tmp_path, job)
                # The neighbours settle while the GIL is held: some write lock is held with it.
                neighbours = await kiribi.enqueue_many([("QUICK", 0)] * 500)
                job = await ended(kiribi, job)
                assert (job.status, job.result) == (JobStatus.COMPLETED, "done")
                assert (job.attempts, job.crashes) == (1, 0)
                for neighbour in neighbours:
                    assert (await ended(kiribi, neighbour)).attempts == 1
        assert sum(row[1] == job.id for row in ran(tmp_path)) == 1

    asyncio.run(run())


def test_the_gil_may_be_held_while_the_database_is_locked(tmp_path: Path) -> None:
    """Then no lease can be renewed, but none can be taken away either."""

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with (
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT),
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT, bindings=["STUCK"]),
            ):
                job = await kiribi.enqueue("HOLD_GIL_IN_WRITE", LONG)
                await begun(tmp_path, job)
                neighbours = await kiribi.enqueue_many([("QUICK", 0)] * 500)
                for one in (job, *neighbours):
                    one = await ended(kiribi, one)
                    assert one.status is JobStatus.COMPLETED
                    assert (one.attempts, one.crashes) == (1, 0), one.history
        assert [row[0] for row in ran(tmp_path) if row[1] == job.id] == ["gil", "locked"]

    asyncio.run(run())
