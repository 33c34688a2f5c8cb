"""Children and supervisors die; what they held is run again, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.crash.world import (
    BEAT,
    LEASE_MS,
    Crew,
    begun,
    ended,
    found,
    looking,
    ran,
    until,
    wait_until_gone,
)

from kiribi import JobStatus, Outcome


def test_a_killed_childs_job_runs_again_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path) as crew:
                job = await kiribi.enqueue("HOLD")
                child = await begun(tmp_path, job)
                os.kill(child, signal.SIGKILL)
                # Its lease would have lasted for ten minutes.
                suspect = await begun(tmp_path, job, attempt=2)
                (tmp_path / "go").touch()
                job = await ended(kiribi, job)
                assert (job.status, job.result) == (JobStatus.COMPLETED, "went on")
                assert (job.attempts, job.failures, job.crashes) == (2, 0, 1)
                assert [a.outcome for a in job.history] == [Outcome.CRASHED, Outcome.COMPLETED]
                error = job.history[0].error
                assert error is not None
                assert "killed by SIGKILL" in error.message
                # A new child serves, and the suspect ran in a child of its own.
                assert suspect not in crew.children()
                assert child not in crew.children()
                assert "killed by SIGKILL" in crew.said

    asyncio.run(run())


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, processes=2, lease_ms=LEASE_MS, beat=BEAT) as crew:
                jobs = await kiribi.enqueue_many([("HOLD", None), ("STUCK", None)])
                running = [await begun(tmp_path, job) for job in jobs]
                children = crew.children()
                assert set(running) <= set(children)
                crew.kill()
                for child in children:
                    wait_until_gone(child)
            with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT):
                (tmp_path / "go").touch()
                job = await ended(kiribi, jobs[0])
                assert (job.status, job.crashes) == (JobStatus.COMPLETED, 1)
                assert job.history[0].error is not None
                assert "its lease lapsed" in job.history[0].error.message
                await begun(tmp_path, jobs[1], attempt=2)

    asyncio.run(run())


def test_the_guilty_is_found_and_its_neighbours_complete(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            neighbours = await kiribi.enqueue_many([("QUICK", 0.5)] * 10)
            guilty = await kiribi.enqueue("KILL")
            with Crew(tmp_path, concurrency=50):
                job = await ended(kiribi, guilty)
                assert (job.status, job.crashes) == (JobStatus.FAILED, 3)
                assert [a.outcome for a in job.history] == [Outcome.CRASHED] * 3
                assert job.error is not None
                assert "SIGKILL" in job.error.message
                assert job.reason == "crashed"
                assert {
                    attempt.error and attempt.error.exit and attempt.error.exit.signal
                    for attempt in job.history
                } == {"SIGKILL"}
                for neighbour in neighbours:
                    other = await ended(kiribi, neighbour)
                    assert other.status is JobStatus.COMPLETED
                    assert other.crashes <= 1
            processes = [row[3] for row in ran(tmp_path) if row[0] == "kill"]
            assert len(set(processes)) == 3

    asyncio.run(run())


def test_who_only_waits_to_run_alone_is_not_to_blame(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path) as crew:
                slots = os.cpu_count() or 1
                jobs = await kiribi.enqueue_many([("HOLD", None)] * (slots + 8))
                for job in jobs:
                    child = await begun(tmp_path, job)
                os.kill(child, signal.SIGKILL)

                async def alone() -> bool:
                    return sum(row[2] == 2 for row in ran(tmp_path)) == slots

                await until(alone)
                (child,) = crew.children()
                os.kill(child, signal.SIGKILL)
                (tmp_path / "go").touch()
                crashes = [(await ended(kiribi, job)).crashes for job in jobs]
                assert sorted(crashes) == [1] * 8 + [2] * slots

    asyncio.run(run())


def test_a_supervisor_that_slept_too_long_gives_its_jobs_up(tmp_path: Path) -> None:
    """SIGSTOP: its leases lapse, another takes over, and what was taken is never settled twice."""

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT) as sleeper:
                job = await kiribi.enqueue("HOLD")
                first = await begun(tmp_path, job)
                sleeper.freeze()
                with Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT):
                    second = await begun(tmp_path, job, attempt=2)
                    assert second != first
                    sleeper.signal(signal.SIGCONT)
                    wait_until_gone(first)
                    (tmp_path / "go").touch()
                    job = await ended(kiribi, job)
                    assert [a.outcome for a in job.history] == [
                        Outcome.CRASHED,
                        Outcome.COMPLETED,
                    ]
                    await sleeper.heard("(its lease ")  # taken away, or not renewed in time

    asyncio.run(run())


def test_a_dead_slot_is_only_its_own_job(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path) as crew:
                held = await kiribi.enqueue("HOLD")
                child = await begun(tmp_path, held)
                job = await kiribi.enqueue("IN_PROCESS", 600)
                slot = await begun(tmp_path, job)
                assert slot not in crew.children()
                os.kill(slot, signal.SIGKILL)
                await begun(tmp_path, job, attempt=2)
                now = await found(kiribi, job)
                assert [a.outcome for a in now.history] == [Outcome.CRASHED]
                assert now.history[0].error is not None
                assert "SIGKILL" in now.history[0].error.message
                await kiribi.cancel(job.id)
                assert (await ended(kiribi, job)).status is JobStatus.CANCELLED
                (tmp_path / "go").touch()
                assert (await ended(kiribi, held)).attempts == 1
                assert crew.children() == [child]

    asyncio.run(run())


def test_slots_die_with_their_worker(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path) as crew:
                job = await kiribi.enqueue("IN_PROCESS", 600)
                slot = await begun(tmp_path, job)
                (child,) = crew.children()
                os.kill(child, signal.SIGKILL)
                wait_until_gone(slot)
                await begun(tmp_path, job, attempt=2)

    asyncio.run(run())
