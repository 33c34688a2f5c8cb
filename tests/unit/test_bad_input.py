"""Every mistake in `mistakes.txt` is answered as written there, and changes nothing.

A call (`k` is the manager), and below it the error it raises. To see what calls say now:
`python -m tests.unit.test_bad_input`.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kiribi import Cron, Every, Job, Kiribi, KiribiError, Performer, Schedule, lifecycle
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.testing import connected

FILE = Path(__file__).with_name("mistakes.txt")


@dataclass
class Mail:
    to: str
    copies: int = 1


@dataclass
class Letter:
    street: str


class SendMail(Performer):
    async def perform(self, payload: Mail) -> None: ...


class Report(Performer):
    def perform(self, payload: dict[str, Any]) -> None: ...


class Base(Performer): ...


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


UNKNOWN, DONE, WAITING, RUNNING = (f"01920000-0000-7000-8000-00000000000{n}" for n in range(4))
NAMES = {
    "math": math,
    "datetime": datetime,
    "UTC": UTC,
    "deep": deep,
    "MAIL": {"to": "ann"},
    "AT": datetime(2030, 1, 1, tzinfo=UTC),
    "NAIVE": datetime(2030, 1, 1),  # noqa: DTZ001
    "UNKNOWN": UNKNOWN,
    "DONE": DONE,
    "WAITING": WAITING,
    "RUNNING": RUNNING,
    **{cls.__name__: cls for cls in (Base, Letter, Mail, Report, SendMail)},
    **{cls.__name__: cls for cls in (Cron, Every, Schedule)},
}


@asynccontextmanager
async def world() -> AsyncIterator[Kiribi]:
    """A manager with two performers, and one job each of those that count."""
    async with connected(performers=[SendMail, Report]) as k:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
        await k.store.register([BindingInfo("ELSEWHERE", schema=schema)])
        await k.enqueue_many([(Report, {}, {"id": id}) for id in (DONE, WAITING, RUNNING)])
        await k.store.enlist(WorkerInfo("w", bindings=("REPORT",)), 1 << 40)
        done, _ = await k.store.claim("w", ["REPORT"], 2, ids=[DONE, RUNNING])
        await k.store.log([LogLine(DONE, 1, 0, "info", "a line")])
        await k.store.apply([lifecycle.complete(done, 1)])
        yield k


async def everything(k: Kiribi) -> tuple[list[Job], object, object, object]:
    ids = [job.id for job in (await k.find_many()).jobs]
    return await k.store.find(ids), await k.pulse(), await k.bindings(), await k.workers()


def told(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" + "".join(
        f" ({note})" for note in getattr(error, "__notes__", ())
    )
    return re.sub(r"\b[\w.]+\.(?=(Base|Report|SendMail)\b)|(?<=0x)[0-9a-f]+", "", text)


def mistakes() -> list[tuple[str, str]]:
    lines = [line for line in FILE.read_text().splitlines() if line.strip()]
    return [(call, answer.strip()) for call, answer in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("call", "answer"), mistakes())
async def test_is_told_and_changes_nothing(call: str, answer: str) -> None:
    async with world() as k:
        before = await everything(k)
        with pytest.raises(KiribiError) as error:
            await eval(call, {**NAMES, "k": k})
        assert told(error.value) == answer
        assert await everything(k) == before


def test_there_are_many_and_none_twice() -> None:
    calls = [call for call, _ in mistakes()]
    assert len(set(calls)) == len(calls) >= 100


async def _show() -> None:
    for call, _ in mistakes():
        async with world() as k:
            try:
                await eval(call, {**NAMES, "k": k})
            except KiribiError as error:
                print(f"{call}\n    {told(error)}")


if __name__ == "__main__":
    asyncio.run(_show())
