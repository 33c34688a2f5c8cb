"""Machines whose clocks are wrong, and are set while they work: only PostgreSQL's own counts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.crash.world import APP, BEAT, LEASE_MS, Crew, begun, ended, looking, ran

from kiribi import JobStatus

WRONG = """
import time as _time
from pathlib import Path as _Path

_real, _real_ns, _file = _time.time, _time.time_ns, _Path({file!r})
_ahead = lambda: int(_file.read_text() or 0)
_time.time = lambda: _real() + _ahead()
_time.time_ns = lambda: _real_ns() + _ahead() * 1_000_000_000
"""
"""A clock that is so many seconds ahead as a file says just now."""
HOUR = 3_600


def test_clocks_that_are_set_take_no_job_away(tmp_path: Path) -> None:
    file = tmp_path / "ahead"
    file.write_text(str(-HOUR))
    wrong = WRONG.format(file=str(file))
    (tmp_path / "app.py").write_text(wrong + APP)
    lapse = 2 * LEASE_MS / 1000

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            with (
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT, first=wrong),
                Crew(tmp_path, lease_ms=LEASE_MS, beat=BEAT, bindings=["STUCK"]),
            ):
                held = await kiribi.enqueue("HOLD")
                await begun(tmp_path, held)
                later = await kiribi.enqueue("QUICK", 0, first_delay=lapse)
                for ahead in (HOUR, -24 * HOUR, 0):
                    file.write_text(str(ahead))
                    quick = await kiribi.enqueue_many([("QUICK", 0)] * 20)
                    for job in quick:
                        job = await ended(kiribi, job)
                        assert (job.status, job.attempts) == (JobStatus.COMPLETED, 1)
                    await asyncio.sleep(lapse / 2)  # longer than a lease lasts, in all
                (tmp_path / "go").touch()
                job = await ended(kiribi, held)
                assert (job.status, job.attempts, job.crashes) == (JobStatus.COMPLETED, 1, 0)
                job = await ended(kiribi, later)
                assert job.started_ms is not None
                assert job.started_ms >= job.due_ms, "not by the clock of the machine"
        assert sum(row[1] == held.id for row in ran(tmp_path)) == 1

    asyncio.run(run())
