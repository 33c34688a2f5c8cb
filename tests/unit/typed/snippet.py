# ruff: noqa
"""Read by pyright only (test_typing.py): each `error:` must be reported, and nothing else."""

from dataclasses import dataclass
from typing import Any, assert_type

from kiribi import Acted, Action, Batch, Job, Kiribi, Performer
from kiribi.blocking import BlockingKiribi


@dataclass
class Mail:
    to: str


class SendMail(Performer):
    max_attempts = 5

    async def perform(self, mail: Mail) -> str:
        return mail.to


class Count(Performer):
    def perform(self, payload: dict[str, Any]) -> int:
        return len(payload)


async def good(kiribi: Kiribi) -> None:
    assert_type(await kiribi.enqueue(SendMail, Mail("ann")), Job)
    await kiribi.enqueue(Count, {"a": 1}, priority=3, timeout=2.5)
    await kiribi.enqueue("SEND_MAIL", {"to": "ann"}, max_attempts=None)
    await kiribi.enqueue("SEND_MAIL")
    await kiribi.enqueue(SendMail, Mail("ann"), transaction=object(), notify=True)
    await kiribi.enqueue_many([(SendMail, Mail("ann")), ("COUNT", {}, {"priority": 1})])
    await kiribi.perform(SendMail, Mail("ann"), wait=3)
    job = await kiribi.enqueue(Count, {})
    await kiribi.enqueue(Count, {}, after=job, after_failed="run")
    await kiribi.enqueue("COUNT", {}, after=[job, "id"])
    assert_type(await kiribi.enqueue_batch([(Count, {})], (SendMail, Mail("ann"))), Batch)
    assert_type(await kiribi.start_action("cancel", {"status": "FAILED"}), Action)
    assert_type(await kiribi.cancel("id"), Job)
    assert_type(await kiribi.cancel(["id"]), Acted)
    assert_type(await kiribi.retry({"status": "FAILED"}), Acted)


def good_blocking(kiribi: BlockingKiribi) -> None:
    assert_type(kiribi.enqueue(SendMail, Mail("ann")), Job)
    assert_type(kiribi.run_now(("id",)), Acted)
    assert_type(kiribi.run_now("id"), Job)


async def bad(kiribi: Kiribi) -> None:
    await kiribi.enqueue(SendMail, 3)  # error:
    await kiribi.enqueue(SendMail, {"to": "ann"})  # error:
    await kiribi.enqueue(SendMail)  # error:
    await kiribi.enqueue(SendMail, Mail("ann"), priorty=3)  # error:
    await kiribi.enqueue("SEND_MAIL", {}, timeout="3")  # error:
    await kiribi.enqueue(int, 3)  # error:
    await kiribi.enqueue(Count, {}, after=3)  # error:
    await kiribi.enqueue(Count, {}, notify="yes")  # error:
    await kiribi.enqueue(Count, {}, after="id", after_failed="explode")  # error:
    await kiribi.perform(Count, [1])  # error:


def bad_blocking(kiribi: BlockingKiribi) -> None:
    kiribi.enqueue(SendMail, 3)  # error:
    kiribi.enqueue("SEND_MAIL", {}, prioritty=3)  # error:
