"""Why a job is where it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kiribi import Job, JobError, JobStatus, new_id
from kiribi._explain import explained
from kiribi.ports import BindingInfo, Situation, WorkerInfo

NOW = 1_900_000_000_000
ALIVE = WorkerInfo("w", host="box", pid=7, bindings=("A",), lease_ms=12_000)
LAPSED = WorkerInfo("w", host="box", pid=7, bindings=("A",), lease_ms=-1)
DEAD = WorkerInfo("w", host="box", pid=7, bindings=("A",), lease_ms=5, dead_reason="SIGKILL")
KNOWN = BindingInfo("A")


@pytest.mark.parametrize(
    ("job", "bindings", "workers", "reasons"),
    [
        (
            {"status": "COMPLETED", "attempts": 2},
            [KNOWN],
            [],
            [("completed", "It completed in its attempt 2.")],
        ),
        (
            {"status": "CANCELLED"},
            [KNOWN],
            [],
            [("cancelled", "It was cancelled; retry runs it again.")],
        ),
        (
            {"status": "FAILED", "failures": 3, "error": JobError("ValueError", "boom")},
            [KNOWN],
            [],
            [("failed", "It failed for good after 3 failures; the last: ValueError: boom")],
        ),
        (
            {"status": "FAILED", "failures": 1, "crashes": 3, "error": JobError("X", "y")},
            [KNOWN],
            [],
            [
                (
                    "crashed",
                    (
                        "It took down its worker 3 times and is kept apart; retry lets it run "
                        "again. The last: X: y"
                    ),
                )
            ],
        ),
        (
            {"status": "FAILED", "failures": 2, "crashes": 1, "error": JobError("X", "y")},
            [KNOWN],
            [],
            [("failed", "It failed for good after 2 failures and 1 crash; the last: X: y")],
        ),
        (
            {"status": "PROCESSING", "worker": "w"},
            [KNOWN],
            [ALIVE],
            [
                (
                    "running",
                    "It runs on box (process 7); were that lost, rescue would follow in 12 s.",
                )
            ],
        ),
        (
            {"status": "PROCESSING", "worker": "w", "cancel_requested": True},
            [KNOWN],
            [ALIVE],
            [
                ("cancelling", "It was asked to stop and has not ended yet."),
                (
                    "running",
                    "It runs on box (process 7); were that lost, rescue would follow in 12 s.",
                ),
            ],
        ),
        (
            {"status": "PROCESSING", "worker": "w"},
            [KNOWN],
            [DEAD],
            [("worker_lost", "Its worker is dead (SIGKILL); rescue is due.")],
        ),
        (
            {"status": "PROCESSING", "worker": "w"},
            [KNOWN],
            [LAPSED],
            [
                (
                    "lease_lapsed",
                    "Its worker on box (process 7) stopped renewing; rescue is due.",
                )
            ],
        ),
        (
            {"status": "PROCESSING", "worker": "other"},
            [KNOWN],
            [ALIVE],
            [("worker_lost", "Its worker is gone; the next rescue takes the job back.")],
        ),
        (
            {"due_ms": NOW},
            [KNOWN],
            [ALIVE],
            [("waiting_for_slot", "It is due: it runs as soon as a slot is free before it.")],
        ),
        ({"due_ms": NOW}, [KNOWN], [DEAD], [("unserved", "No live worker serves A.")]),
        (
            {"due_ms": NOW},
            [BindingInfo("A", paused=True)],
            [ALIVE],
            [("paused", "A is paused; resume it.")],
        ),
        (
            {"status": "RETRY_PENDING", "due_ms": NOW + 3_600_000},
            [BindingInfo("A", paused=True), BindingInfo("B")],
            [],
            [
                ("due_later", "Its retry is due in 3,600 s, at 2030-03-17 18:46:40 UTC."),
                ("paused", "A is paused; resume it."),
                ("unserved", "No live worker serves A."),
            ],
        ),
    ],
)
def test_explains(
    job: dict[str, Any],
    bindings: list[BindingInfo],
    workers: list[WorkerInfo],
    reasons: list[tuple[str, str]],
) -> None:
    status = JobStatus(job.pop("status", "PENDING"))
    subject = Job(new_id(), "A", status, **job)
    binding = next((one for one in bindings if one.name == "A"), None)
    told = explained(Situation(subject, NOW, binding, tuple(workers)))
    assert told.job is subject
    assert [(reason.code, reason.message) for reason in told.reasons] == reasons


def test_the_page_names_every_code() -> None:
    """Found in the source, so that none is forgotten."""
    root = Path(__file__).parents[2]
    source = (root / "src" / "kiribi" / "_explain.py").read_text("utf-8")
    literal = r'"([a-z_]+)"'
    codes = set(re.findall(rf"Reason\(\s*{literal}", source))
    for pair in re.findall(rf"Reason\(\s*{literal} if .* else {literal}", source):
        codes |= set(pair)
    assert {"paused", "limit_full", "key_limit_full", "waiting_for_slot"} <= codes
    page = (root / "docs" / "explain.md").read_text("utf-8")
    assert codes <= set(re.findall(r"`([a-z_]+)`", page))
