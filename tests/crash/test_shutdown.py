"""SIGTERM and SIGINT: finish or hand back, spend nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from tests.crash.world import Crew, begun, ended, found, looking, wait_until_gone

from kiribi import JobStatus, Outcome


def test_work_may_finish(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, grace=600) as crew:
                job = await kiribi.enqueue("HOLD")
                await begun(tmp_path, job)
                crew.signal(signal.SIGTERM)
                # It claims no more.
                late = await kiribi.enqueue("QUICK", 0)
                (tmp_path / "go").touch()
                assert crew.ended() == 0
            assert (await found(kiribi, job)).status is JobStatus.COMPLETED
            assert (await found(kiribi, late)).attempts <= 1
            assert await kiribi.workers() == []

    asyncio.run(run())


@pytest.mark.parametrize("binding", ["HOLD", "IN_PROCESS", "BLOCK_LOOP", "STUCK"])
def test_what_does_not_finish_is_handed_back(tmp_path: Path, binding: str) -> None:
    """Asked, then interrupted, then killed (a blocked loop, a stuck thread): nothing is spent."""

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, grace=0.2) as crew:
                job = await kiribi.enqueue(binding, 600)
                pid = await begun(tmp_path, job)
                crew.signal(signal.SIGTERM)
                assert crew.ended() == 0
                wait_until_gone(pid)
            job = await found(kiribi, job)
            assert (job.status, job.attempts) == (JobStatus.PENDING, 1)
            assert (job.failures, job.crashes) == (0, 0)
            assert [a.outcome for a in job.history] == [Outcome.RELEASED]
            assert await kiribi.workers() == []

    asyncio.run(run())


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, grace=600, processes=2) as crew:
                jobs = await kiribi.enqueue_many([("HOLD", None), ("STUCK", None)])
                for job in jobs:
                    await begun(tmp_path, job)
                crew.signal(signal.SIGTERM)
                await crew.heard("stopping")
                before = time.monotonic()
                crew.signal(signal.SIGTERM)
                assert crew.ended() == 128 + signal.SIGTERM
                assert time.monotonic() - before < 4  # less than a stuck thread would be given
            for job in jobs:
                job = await found(kiribi, job)
                assert (job.status, job.failures, job.crashes) == (JobStatus.PENDING, 0, 0)
                assert [a.outcome for a in job.history] == [Outcome.RELEASED]

    asyncio.run(run())


def test_ctrl_c_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, grace=600) as crew:
                jobs = await kiribi.enqueue_many([("HOLD", None), ("IN_PROCESS", 1)])
                pids = [await begun(tmp_path, job) for job in jobs]
                # As a terminal, and a service manager that signals every process.
                os.killpg(crew.process.pid, signal.SIGINT)
                for pid in (*pids, *crew.children()):
                    os.kill(pid, signal.SIGINT)
                (tmp_path / "go").touch()
                assert crew.ended() == 0
            for job in jobs:
                job = await ended(kiribi, job)
                assert (job.status, job.attempts) == (JobStatus.COMPLETED, 1)

    asyncio.run(run())


def test_a_broken_application_is_an_error_not_a_loop(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import no_such_module")
    with Crew(tmp_path) as crew:
        assert crew.ended() == 1
        assert "No module named 'no_such_module'" in crew.said
    (tmp_path / "app.py").write_text("x = 1")
    with Crew(tmp_path) as crew:
        assert crew.ended() == 1
        assert "it must have a Performer class" in crew.said


def test_an_application_that_breaks_later_is_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with Crew(tmp_path, start_pauses=[0, 0, 0]) as crew:
                job = await kiribi.enqueue("HOLD")
                child = await begun(tmp_path, job)
                (tmp_path / "app.py").write_text("import no_such_module")
                os.kill(child, signal.SIGKILL)
                assert crew.ended() == 1
                assert crew.said.count("no_such_module") == 3
                assert "3 worker processes died as they started" in crew.said
            assert (await found(kiribi, job)).status is JobStatus.RETRY_PENDING

    asyncio.run(run())
