"""Schedules whose tickers are killed, doubled and replaced: each tick once, none lost."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.crash.test_supervisor import supervising
from tests.crash.world import Crew, looking, until

from kiribi import Every, Job, Kiribi, Schedule
from kiribi._scheduled import ScheduleChange

TICKER = """
import asyncio, sys
from kiribi import _recurring
from kiribi.stores import open_store

async def main(url):
    store, bell = await open_store(url)
    print("ready", flush=True)
    while True:
        await _recurring.fire(store)

asyncio.run(main(sys.argv[1]))
"""
APP = """
from kiribi import Every, Performer, Schedule

class Beat(Performer):
    schedule = Schedule(Every(1), {payload!r}, missed="all")
    async def perform(self, payload):
        return payload
"""


async def jobs_of(kiribi: Kiribi) -> list[Job]:
    """All jobs, oldest tick first."""
    found: list[Job] = []
    before = None
    while True:
        page = await kiribi.find_many(before=before, limit=1_000)
        found += page.jobs
        if page.next is None:
            return sorted(found, key=lambda job: (job.schedule or "", job.options["tick"]))
        before = page.next


def each_once(jobs: list[Job], name: str, step: int) -> None:
    ticks = [job.options["tick"] for job in jobs if job.schedule == name]
    assert ticks == list(range(ticks[0], ticks[0] + step * len(ticks), step)), (name, ticks)


def test_tickers_killed_again_and_again(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    url = f"sqlite:///{tmp_path}/jobs.db"

    def ticker() -> subprocess.Popen[str]:
        words = [sys.executable, "-c", TICKER, url]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def end(ticker: subprocess.Popen[str]) -> None:
        with ticker:  # closes the pipe
            ticker.send_signal(signal.SIGKILL)

    async def run() -> None:
        async with looking(tmp_path) as kiribi:
            whens = {"one": Every(1), "two": Every(1.5), "three": Every(1.25)}
            for name, when in whens.items():
                await kiribi.schedules.create(name, "NOBODY", Schedule(when, missed="all"))
            # they have been missed for a while
            for name in whens:
                [info] = await kiribi.store.schedules([name])
                assert info.next_ms is not None
                back = replace(info, next_ms=info.next_ms - 600_000)
                await kiribi.store.change_schedules([ScheduleChange(info, back)])
            tickers = [ticker() for _ in range(3)]
            for _ in range(12):
                victim = chance.randrange(3)
                await asyncio.to_thread(tickers[victim].stdout.readline)  # type: ignore[union-attr]
                number = (await kiribi.count()).value + chance.randrange(3)

                async def more(number: int = number) -> bool:
                    return (await kiribi.count()).value >= number

                await until(more)
                end(tickers[victim])
                tickers[victim] = ticker()
            for one in tickers:
                end(one)
            await kiribi.tick()
            jobs = await jobs_of(kiribi)
            for name, when in whens.items():
                each_once(jobs, name, round(when.seconds * 1000))
                [info] = await kiribi.store.schedules([name])
                last = max(job.options["tick"] for job in jobs if job.schedule == name)
                assert (info.last_tick_ms, info.next_ms) == (last, last + when.seconds * 1000)

    asyncio.run(run())


def test_supervisors_killed_while_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.format(payload="beat"))

    async def run() -> None:
        async with looking(tmp_path) as kiribi:

            async def beats(number: int) -> None:
                async def look() -> bool:
                    return (await kiribi.count({"status": "COMPLETED"})).value >= number

                await until(look)

            with Crew(tmp_path, lease_ms=5_000) as first, Crew(tmp_path, lease_ms=5_000):
                await beats(2)
                first.kill()
                await beats(4)
                with Crew(tmp_path, lease_ms=5_000):
                    await beats(6)
            jobs = await jobs_of(kiribi)
            each_once(jobs, "BEAT", 1000)
            late = max(
                (job.started_ms or 0) - job.options["tick"] for job in jobs if job.started_ms
            )
            print(f"started at most {late} ms after the tick")

    asyncio.run(run())


def test_code_replaced_while_it_ticks(tmp_path: Path) -> None:
    async def run() -> None:
        async with supervising(tmp_path, APP.format(payload="old")) as (supervisor, kiribi):

            async def done(payload: str, number: int) -> None:
                async def look() -> bool:
                    counted = Counter(job.payload for job in await jobs_of(kiribi))
                    return counted[payload] >= number

                await until(look)

            await done("old", 2)
            (tmp_path / "app.py").write_text(APP.format(payload="new"))
            await supervisor.restart()
            await done("new", 2)
            (tmp_path / "app.py").write_text(
                "from kiribi import Performer\n"
                "class Beat(Performer):\n"
                "    async def perform(self, payload): ...\n"
            )
            await supervisor.restart()
            jobs = await jobs_of(kiribi)
            each_once(jobs, "BEAT", 1000)
            payloads = [job.payload for job in jobs]
            assert payloads == sorted(payloads, reverse=True)  # the old ones first
            [info] = await kiribi.schedules.find_many()
            assert not await kiribi.store.declared("BEAT")
            assert list((await kiribi.store.due_schedules(9)).schedules) == []
            await kiribi.schedules.delete(info.name)

    asyncio.run(run())
