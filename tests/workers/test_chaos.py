"""Messages, D1 and performers that fail, one by one and all together: no job is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from tests.workers.dev import Dev, until
from tests.workers.faults import Site, control, post, rows
from tests.workers.require import require
from tests.workers.world import RemoteError, call, ended

BURST = 2000
LOST, DOUBLED, LATE = 0.2, 0.2, 0.2
D1_FAILS = 0.15
KINDS = ("ADD", "FLAKY", "OWN", "FAR", "CRASHES")
COUNTED = ("pending", "processing", "retry_pending", "completed", "failed", "cancelled")
OUTCOMES = {"completions": "completed", "failures": "failed", "crashes": "crashed"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Dev]:
    require()
    with Site(tmp_path_factory.mktemp("workers")).run() as running:
        yield running


@pytest.fixture(autouse=True)
def warm(running: Dev) -> None:
    """The isolate is up, its bindings are known."""
    assert ended(running, call(running, "enqueue", "ADD", 0)["id"])["returnValue"] == 0


def tick(running: Dev) -> None:
    call(running, "$scheduled", "* * * * *")


def accounted_for(running: Dev) -> None:
    """Of every attempt exactly one outcome is stored; the statistics are those of the jobs."""
    jobs = rows(running, "SELECT id, binding, status, attempts, history FROM job")
    outcomes = rows(
        running,
        "SELECT job.id, one.value ->> 0 AS number, one.value ->> 1 AS outcome "
        "FROM job, json_each(history) AS one",
    )
    numbers: dict[str, list[int]] = {}
    for one in outcomes:
        numbers.setdefault(one["id"], []).append(one["number"])
    wrong = [job for job in jobs if numbers.get(job["id"], []) != [*range(1, job["attempts"] + 1)]]
    assert wrong == []
    names = (*COUNTED, *OUTCOMES, "enqueued")
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    (told,) = rows(running, f"SELECT {sums} FROM stat WHERE span_ms = 60000")
    statuses = Counter(job["status"] for job in jobs)
    assert {name: told[name] for name in COUNTED} == {
        name: statuses[name.upper()] for name in COUNTED
    }
    by_outcome = Counter(one["outcome"] for one in outcomes)
    assert {name: told[name] for name in OUTCOMES} == {
        name: by_outcome[outcome] for name, outcome in OUTCOMES.items()
    }
    assert told["enqueued"] == len(jobs)


def test_a_burst(running: Dev) -> None:
    """2,000 jobs, each performed once, at what `docs/cloudflare.md` says they cost."""
    control(running, "told")
    jobs = call(running, "enqueueMany", [["ADD", i] for i in range(BURST)])
    first = jobs[0]["id"]
    done = f"SELECT count(*) AS n FROM job WHERE status = 'COMPLETED' AND id >= '{first}'"
    until(lambda: rows(running, done)[0]["n"] == BURST, 60)
    until(lambda: rows(running, "SELECT count(*) AS n FROM worker")[0]["n"] == 0)
    found = rows(running, f"SELECT result, attempts FROM job WHERE id >= '{first}'")
    assert sorted(int(job["result"]) for job in found) == list(range(BURST))
    assert {job["attempts"] for job in found} == {1}
    workers = f"SELECT count(DISTINCT history ->> '$[0][4]') AS n FROM job WHERE id >= '{first}'"
    invocations = rows(running, workers)[0]["n"]
    told = control(running, "told")
    batches = told["batches"]
    stat = 1
    assert told["written"] == (
        4 * BURST
        + stat * (batches["insert_jobs"] + invocations + batches["apply_changes"])
        + 4 * invocations
        # messages for which others had taken the jobs
        + 2 * (batches["forget_worker"] - invocations)
    ), told
    accounted_for(running)


def test_messages_that_cannot_be_sent(running: Dev) -> None:
    before = post(running, "seen")
    control(running, "refuse", True)
    try:
        id = call(running, "enqueue", "ADD", 1)["id"]
    finally:
        control(running, "refuse", False)
    later = call(running, "enqueue", "ADD", 2, {"firstDelay": 90_000})["id"]
    assert post(running, "seen") == before
    rows(running, f"UPDATE job SET due = 1, rank = 1 WHERE id = '{later}'")
    tick(running)
    assert {ended(running, one)["attempts"] for one in (id, later)} == {1}


def test_a_message_of_the_dead_letter_queue_rings(running: Dev) -> None:
    control(running, "refuse", True)
    try:
        id = call(running, "enqueue", "ADD", 1)["id"]
    finally:
        control(running, "refuse", False)
    call(running, "$bound", "DEAD", "send", {"count": 1})
    assert ended(running, id)["status"] == "COMPLETED"


def test_a_job_that_is_queued_is_cancelled(running: Dev) -> None:
    delay = {"firstDelay": 1}
    first, second = call(running, "enqueueMany", [["ADD", i, delay] for i in range(2)])
    call(running, "cancel", first["id"])
    ended(running, second["id"])
    job = ended(running, first["id"])
    assert (job["status"], job["attempts"]) == ("CANCELLED", 0)


def test_a_freed_place_rings(running: Dev) -> None:
    """No tick helps: there is none but ours."""
    jobs = call(running, "enqueueMany", [["FEW", i] for i in range(4)])
    assert {ended(running, job["id"])["attempts"] for job in jobs} == {1}


def test_an_invocation_ends_in_time(running: Dev) -> None:
    control(running, "times", 1, 2)
    try:
        once = {"maxRetries": 1, "priority": 9}
        jobs = call(
            running,
            "enqueueMany",
            [*[["SLEEPS", 600, once] for _ in range(10)], *[["ADD", i] for i in range(5)]],
        )
        found = [ended(running, job["id"]) for job in jobs]
    finally:
        control(running, "times", 60, 840)
    told = [(job["status"], job["error"] and job["error"]["type"]) for job in found]
    assert told == [("FAILED", "KiribiTimeoutError")] * 10 + [("COMPLETED", None)] * 5


@pytest.mark.parametrize(
    ("binding", "error"),
    [("CRASHES", "out of memory"), ("HANGS", "hung")],
)
def test_a_performer_that_dies_fails_its_job_alone(running: Dev, binding: str, error: str) -> None:
    others = [["ADD", i] for i in range(9)]
    jobs = call(running, "enqueueMany", [[binding, 1, {"maxRetries": 1}], *others])
    first, *rest = [ended(running, job["id"]) for job in jobs]
    assert {(job["status"], job["attempts"]) for job in rest} == {("COMPLETED", 1)}
    assert (first["status"], first["attempts"], first["crashes"]) == ("FAILED", 1, 0)
    assert error in first["error"]["message"], first


@pytest.mark.parametrize("seconds", [15, pytest.param(240, marks=pytest.mark.long)])
def test_everything_at_random(running: Dev, seconds: int) -> None:
    seed = random.randrange(1 << 31)
    print(f"seed {seed}")
    chance = random.Random(seed)
    accepted: list[str] = []
    cancelled: set[str] = set()
    refused = 0
    post(running, "set", {"lost": LOST, "doubled": DOUBLED, "late": LATE}, seed)
    control(running, "told")
    control(running, "d1", D1_FAILS, seed)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            try:
                number = chance.choice([1, 1, 5, 20])
                asked = [[chance.choice(KINDS), i, options(chance)] for i in range(number)]
                accepted += [job["id"] for job in call(running, "enqueueMany", asked)]
                if chance.random() < 0.3:
                    id = chance.choice(accepted)
                    cancelled.add(id)
                    call(running, "cancel", id)
                if chance.random() < 0.3:
                    tick(running)
            except RemoteError as error:
                # it has ended; or D1 failed six times: who asked may ask again
                refused += "IllegalTransition" not in str(error)
    finally:
        control(running, "d1", 0.0)
        post(running, "set", {"lost": 0, "doubled": 0, "late": 0}, seed)

    def left() -> bool:
        tick(running)
        open = "SELECT count(*) AS n FROM job WHERE open = 1"
        return rows(running, open)[0]["n"] == 0

    until(left, 90, running.log[-3000:])
    stored: dict[str, Any] = {
        job["id"]: job
        for job in rows(running, "SELECT id, binding, status, crashes, error FROM job")
    }
    assert accepted
    assert set(accepted) <= stored.keys()
    for id in accepted:
        job = stored[id]
        assert job["status"] == "COMPLETED" or id in cancelled, job
        assert job["crashes"] == 0, job
    accounted_for(running)
    told = control(running, "told")
    print(f"{len(accepted)} jobs, {told['failed']} failures of D1, {refused} calls refused")
    assert told["failed"] > len(accepted) / 100


def options(chance: random.Random) -> dict[str, Any]:
    return {"firstDelay": chance.choice([1, 2])} if chance.random() < 0.2 else {}
