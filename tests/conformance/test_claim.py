"""What `Store.claim` and `Store.next_due` must do."""

from __future__ import annotations

from tests.conformance.world import LEASE, START, World

from kiribi import lifecycle
from kiribi.job import Job, JobStatus
from kiribi.ports import BindingInfo, WorkerInfo


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


async def test_a_claimed_job_runs_under_its_worker(world: World) -> None:
    await world.worker()
    (id,) = await world.put(payload='{"n": 1}', options='{"timeout":3}')
    world.clock.advance(70)
    (job,) = await world.store.claim("w1", ["A"], 5)
    assert (job.id, job.payload, job.options) == (id, {"n": 1}, {"timeout": 3})
    assert (job.status, job.attempts, job.worker) == (JobStatus.PROCESSING, 1, "w1")
    assert (job.started_ms, job.due_ms) == (START + 70, START)
    assert [job] == await world.store.find([id])
    assert await world.store.claim("w1", ["A"], 5) == []


async def test_the_best_come_first_by_due_time_and_priority(world: World) -> None:
    await world.worker()
    now = START
    asked = {
        "minute ago": world.new(at_ms=now - 60_000),
        "now, but 2 steps up": world.new(at_ms=now, priority=2),
        "hour ago": world.new("B", at_ms=now - 3_600_000),
        "now": world.new("B", at_ms=now),
        "minutes ago, 9 steps up": world.new(at_ms=now - 120_000, priority=9),
    }
    await world.store.insert(list(asked.values()))
    names = {new.id: name for name, new in asked.items()}
    claimed = await world.store.claim("w1", ["A", "B"], 4)
    assert [names[job.id] for job in claimed] == [
        "hour ago",
        "minutes ago, 9 steps up",
        "now, but 2 steps up",
        "minute ago",
    ]
    assert [names[job.id] for job in await world.store.claim("w1", ["A", "B"], 4)] == ["now"]


async def test_nobody_is_overtaken_for_ever(world: World) -> None:
    """Each step of priority counts as a minute of waiting, not more."""
    await world.worker()
    (patient,) = await world.put()
    first: list[str] = []
    while patient not in first:
        await world.put(1, priority=9)
        first += ids(await world.store.claim("w1", ["A"], 1))
        world.clock.advance(60_000)
        await world.worker()
    assert 9 <= len(first) - 1 <= 10


async def test_what_is_not_due_waits_however_high_its_priority(world: World) -> None:
    await world.worker()
    early, urgent = (await world.put())[0], (await world.put(priority=9, delay_ms=1))[0]
    assert ids(await world.store.claim("w1", ["A"], 2)) == [early]
    world.clock.advance(1)
    assert ids(await world.store.claim("w1", ["A"], 2)) == [urgent]


async def test_only_the_bindings_asked_for(world: World) -> None:
    await world.worker()
    await world.put(binding="A")
    (b,) = await world.put(binding="B")
    assert await world.store.claim("w1", [], 5) == []
    assert await world.store.claim("w1", ["C"], 5) == []
    assert ids(await world.store.claim("w1", ["B", "C"], 5)) == [b]
    assert await world.store.claim("w1", ["A"], 0) == []


async def test_a_binding_named_twice_counts_once(world: World) -> None:
    await world.worker()
    await world.put(4)
    assert len(set(ids(await world.store.claim("w1", ["A", "A"], 3)))) == 3


async def test_only_the_ids_asked_for_and_only_if_they_may_be_claimed(world: World) -> None:
    await world.worker()
    await world.put(5)
    (wanted,) = await world.put()
    (future,) = await world.put(delay_ms=10)
    (other,) = await world.put(binding="B")
    asked = [wanted, future, other, "01900000-0000-7000-8000-000000000000"]
    assert ids(await world.store.claim("w1", ["A"], 5, ids=asked)) == [wanted]
    assert await world.store.claim("w1", ["A"], 5, ids=asked) == []
    await world.store.pause("B", True)
    assert await world.store.claim("w1", ["A", "B"], 5, ids=[other]) == []
    assert await world.store.claim("w1", ["A", "B"], 5, ids=[]) == []
    assert ids(await world.store.held_by("w1")) == [wanted]


async def test_a_paused_binding_gives_none_and_stands_before_nobody(world: World) -> None:
    await world.worker()
    await world.put(50, binding="A", at_ms=START - 99_999)
    (b,) = await world.put(binding="B")
    await world.store.pause("A", True)
    assert ids(await world.store.claim("w1", ["A", "B"], 5)) == [b]
    assert (await world.store.pulse()).paused == ("A",)
    await world.store.pause("A", False)
    assert len(await world.store.claim("w1", ["A", "B"], 5)) == 5
    assert (await world.store.pulse()).paused == ()


async def test_registering_leaves_a_pause_as_it_is(world: World) -> None:
    await world.worker()
    await world.store.pause("A", True)
    await world.store.register([BindingInfo("A", {"timeout": 5})])
    await world.put()
    assert await world.store.claim("w1", ["A"], 1) == []
    (known,) = await world.store.bindings()
    assert (known.paused, known.defaults, known.last_seen_ms) == (True, {"timeout": 5}, START)


async def test_unknown_lapsed_and_buried_workers_get_none(world: World) -> None:
    await world.put(3)
    assert await world.store.claim("nobody", ["A"], 1) == []
    await world.worker("w1")
    await world.worker("w2")
    await world.store.bury({"w2": "killed"})
    assert await world.store.claim("w2", ["A"], 1) == []
    world.clock.advance(LEASE - 1)
    assert len(await world.store.claim("w1", ["A"], 1)) == 1
    world.clock.advance(1)
    assert await world.store.claim("w1", ["A"], 1) == []
    assert (await world.store.pulse()).bindings[0].by_status[JobStatus.PENDING] == 2


async def test_an_empty_claim_writes_nothing(world: World) -> None:
    await world.worker()
    (id,) = await world.put()
    (running,) = await world.store.claim("w1", ["A"], 1)
    before = await world.store.pulse()
    assert await world.store.claim("w1", ["A"], 1) == []
    # the claim before must not be carried out again either
    await world.store.apply([lifecycle.release(running, "handed back")])
    await world.store.pause("A", True)
    assert await world.store.claim("w1", ["A"], 1) == []
    (job,) = await world.store.find([id])
    assert (job.status, job.attempts) == (JobStatus.PENDING, 1)
    assert (await world.store.pulse()).cursor == before.cursor + 2


async def test_what_a_worker_holds_is_found_after_a_crash(world: World) -> None:
    await world.worker()
    await world.put(6)
    first = await world.store.claim("w1", ["A"], 2, pool="a")
    other = await world.store.claim("w1", ["A"], 2, pool="b")
    await world.store.apply([lifecycle.complete(first[0], None)])
    more = await world.store.claim("w1", ["A"], 1, pool="a", held=[first[1].id])
    running = {first[1].id, other[0].id, other[1].id, more[0].id}
    held = await world.store.held_by("w1")
    assert {job.id for job in held} == running
    assert {(job.status, job.worker) for job in held} == {(JobStatus.PROCESSING, "w1")}
    await world.worker("w2")
    assert len(await world.store.claim("w2", ["A"], 9)) == 1
    assert {job.id for job in await world.store.held_by("w1")} == running


async def test_a_job_taken_over_is_no_longer_held_by_the_first(world: World) -> None:
    await world.worker("w1")
    await world.worker("w2")
    await world.put()
    (job,) = await world.store.claim("w1", ["A"], 1)
    await world.store.apply([lifecycle.release(job, "shutdown")])
    (again,) = await world.store.claim("w2", ["A"], 1)
    assert (again.id, again.attempts) == (job.id, 2)
    assert await world.store.held_by("w1") == []
    assert ids(await world.store.held_by("w2")) == [again.id]


async def test_next_due_tells_how_long_to_wait(world: World) -> None:
    store = world.store
    assert await store.next_due(["A"]) is None
    await world.put(delay_ms=5_000)
    assert await store.next_due(["A"]) is None
    await world.put(delay_ms=1_000, priority=9)
    assert await store.next_due(["A", "B"]) == 1_000
    await world.put(delay_ms=400)
    assert await store.next_due(["A"]) == 400
    assert await store.next_due(["B"]) is None
    world.clock.advance(400)
    assert await store.next_due(["A"]) == 0
    world.clock.advance(100_000)
    assert await store.next_due(["A"]) == 0
    await store.pause("A", True)
    assert await store.next_due(["A"]) is None


async def test_next_due_ignores_what_runs(world: World) -> None:
    await store_with_running(world, 3)
    assert await world.store.next_due(["A"]) is None


async def store_with_running(world: World, number: int) -> None:
    await world.worker()
    await world.put(number)
    assert len(await world.store.claim("w1", ["A"], number)) == number


async def test_more_running_than_asked_for_hide_nothing(world: World) -> None:
    await store_with_running(world, 300)
    world.clock.advance(10)
    (waiting,) = await world.put()
    assert await world.store.next_due(["A"]) == 0
    assert ids(await world.store.claim("w1", ["A"], 1)) == [waiting]


async def test_workers_keep_their_start_and_show_their_lease(world: World) -> None:
    await world.store.enlist(WorkerInfo("w1", "host", 7, "1.0", ("A",), 3), LEASE)
    world.clock.advance(5)
    await world.store.enlist(WorkerInfo("w1", "host", 8, "1.1", ("A", "B"), 4), LEASE)
    (worker,) = await world.store.workers()
    assert worker == WorkerInfo("w1", "host", 8, "1.1", ("A", "B"), 4, START, LEASE)
    world.clock.advance(LEASE)
    assert [worker.lease_ms for worker in await world.store.workers()] == [0]
