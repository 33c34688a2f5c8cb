"""Whoever carries out an action is killed: another goes on, and every job is counted once."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.crash.world import SECONDS, Crew, looking, until

from kiribi import ActionStatus, JobStatus, Kiribi
from kiribi.action import Action

NUMBER = 20_000

CARRY_OUT = """
import asyncio, sys
from kiribi import Kiribi, _carrier
from kiribi._carrier import Carrier

_carrier.LEASE_MS = 500  # the next one need not wait for long

async def main(url):
    async with Kiribi.connect(url, performers=()) as kiribi:
        carrier = Carrier(kiribi.store)
        while True:
            await carrier.tick(budget=0.001)

asyncio.run(main(*sys.argv[1:]))
"""


async def now(kiribi: Kiribi, action: Action) -> Action:
    return await kiribi.action(action.id)


def test_an_action_whose_carriers_are_killed_ends_with_exact_counts(tmp_path: Path) -> None:
    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            await kiribi.enqueue_many([("QUICK", 0, {"first_delay": 3600})] * NUMBER)
            await kiribi.enqueue("HOLD", first_delay=3600)
            action = await kiribi.start_action("cancel", {"binding": "QUICK"}, who="test")
            url = f"sqlite:///{tmp_path}/jobs.db"
            for least in (1, 5_000, 10_000):
                carrier = await asyncio.create_subprocess_exec(sys.executable, "-c", CARRY_OUT, url)

                async def far(least: int = least) -> bool:
                    return (await now(kiribi, action)).matched >= least

                await until(far)
                carrier.kill()
                assert await asyncio.wait_for(carrier.wait(), SECONDS) == -signal.SIGKILL
                left = await now(kiribi, action)
                assert left.status is ActionStatus.RUNNING, "killed too late to prove anything"
                cancelled = await kiribi.count({"status": "CANCELLED"})
                assert left.matched == left.done == cancelled.value
            later = await kiribi.enqueue("QUICK", 0, first_delay=3600)
            with Crew(tmp_path):

                async def over() -> Action | None:
                    found = await now(kiribi, action)
                    return found if found.status is ActionStatus.DONE else None

                ended = await until(over)
            counts = (ended.matched, ended.done, ended.skipped, ended.failed)
            assert counts == (NUMBER, NUMBER, 0, 0)
            assert (await kiribi.count({"status": "CANCELLED"})).value == NUMBER
            found = await kiribi.find(later.id)
            assert found is not None
            assert found.status is JobStatus.PENDING

    asyncio.run(run())
