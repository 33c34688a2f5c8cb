"""Every reason why a job does not run, provoked, and told while it holds: no longer, no sooner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.test_limits import claim, complete, fail, keyed, limited
from tests.conformance.world import LEASE, World

from kiribi import lifecycle
from kiribi._explain import Reason, explained
from kiribi.job import Exit, Job, JobError


async def reasons(world: World, id: str) -> list[Reason]:
    situation = await world.store.situation(id)
    assert situation is not None
    return list(explained(situation).reasons)


async def codes(world: World, id: str) -> list[str]:
    return [reason.code for reason in await reasons(world, id)]


async def only(world: World, id: str) -> tuple[str, Mapping[str, Any]]:
    (reason,) = await reasons(world, id)
    return reason.code, reason.params


async def claimed(world: World, id: str) -> Job | None:
    return next((job for job in await claim(world) if job.id == id), None)


async def test_no_such_job(world: World) -> None:
    assert await world.store.situation("01900000-0000-7000-8000-000000000000") is None


async def test_due_later(world: World) -> None:
    await world.worker()
    (id,) = await world.put(delay_ms=90_000)
    reason, params = await only(world, id)
    assert (reason, params["seconds"]) == ("due_later", 90)
    assert params["at"].endswith("Z")
    world.clock.advance(90_000)
    await world.worker()
    assert await codes(world, id) == ["waiting_for_slot"]
    assert await claimed(world, id)


async def test_paused(world: World) -> None:
    await world.worker()
    (id,) = await world.put()
    await world.store.pause("A", True)
    assert await only(world, id) == ("paused", {"binding": "A"})
    await world.store.pause("A", False)
    assert await codes(world, id) == ["waiting_for_slot"]


async def test_unserved(world: World) -> None:
    (id,) = await world.put()
    assert await only(world, id) == ("unserved", {"binding": "A", "seen": None})
    await world.worker(bindings=("B",))
    assert await codes(world, id) == ["unserved"]
    await limited(world)
    assert (await only(world, id))[1]["seen"].endswith("Z")
    await world.worker("w2")
    assert await codes(world, id) == ["waiting_for_slot"]
    world.clock.advance(LEASE)
    assert await codes(world, id) == ["unserved"]


async def test_waits_for_jobs(world: World) -> None:
    await world.worker()
    (first,) = await world.put()
    (id,) = await world.put(after=(first,))
    assert await only(world, id) == ("waits_for_jobs", {"jobs": [first], "count": 1})
    await complete(world, await claim(world))
    assert await codes(world, id) == ["waiting_for_slot"]


async def test_limit_full_says_who_holds_it(world: World) -> None:
    await world.worker()
    await limited(world, concurrency=2)
    ids = await world.put(3)
    running = await claim(world)
    (id,) = set(ids) - {job.id for job in running}
    holders = sorted(job.id for job in running)
    code, params = await only(world, id)
    assert code == "limit_full"
    assert params == {"binding": "A", "limit": 2, "running": 2, "holders": holders}
    await complete(world, running[:1])
    assert await codes(world, id) == ["waiting_for_slot"]
    assert await claimed(world, id)


async def test_of_many_holders_some_are_named(world: World) -> None:
    await world.worker()
    await limited(world, concurrency=8)
    ids = await world.put(9)
    running = {job.id for job in await claim(world)}
    (id,) = set(ids) - running
    (reason,) = await reasons(world, id)
    assert (len(reason.params["holders"]), reason.params["running"]) == (5, 8)
    assert set(reason.params["holders"]) <= running
    assert reason.message.endswith("and 3 more.")


async def test_key_limit_full_says_who_holds_it(world: World) -> None:
    await world.worker()
    (holder,) = await world.put(options=keyed("k"))
    assert await claimed(world, holder)
    (id,) = await world.put(options=keyed("k"))
    (other,) = await world.put(options=keyed("l"))
    code, params = await only(world, id)
    assert code == "key_limit_full"
    assert params == {
        "binding": "A",
        "key": "k",
        "limit": 1,
        "running": 1,
        "holders": [holder],
    }
    assert await codes(world, other) == ["waiting_for_slot"]
    await complete(world, await world.store.find([holder]))
    assert await codes(world, id) == ["waiting_for_slot"]
    assert await claimed(world, id)


async def test_rate_limited(world: World) -> None:
    await world.worker()
    await limited(world, rate_limit={"limit": 1, "per": 10, "burst": 2})
    ids = await world.put(3)
    running = await claim(world)
    assert len(running) == 2
    (id,) = set(ids) - {job.id for job in running}
    code, params = await only(world, id)
    assert (code, params["seconds"], params["binding"]) == ("rate_limited", 10, "A")
    world.clock.advance(9_999)
    assert (await only(world, id))[1]["seconds"] == 0.001
    assert await claimed(world, id) is None
    world.clock.advance(1)
    assert await codes(world, id) == ["waiting_for_slot"]
    assert await claimed(world, id)


async def test_key_rate_limited(world: World) -> None:
    await world.worker()
    await limited(
        world, concurrency_per_key=9, rate_limit_per_key={"limit": 1, "per": 10, "burst": 1}
    )
    (first,) = await world.put(options=keyed("k"))
    assert await claimed(world, first)
    (id,) = await world.put(options=keyed("k"))
    code, params = await only(world, id)
    assert (code, params["key"], params["seconds"]) == ("key_rate_limited", "k", 10)
    world.clock.advance(10_000)
    assert await codes(world, id) == ["waiting_for_slot"]
    assert await claimed(world, id)


async def test_breaker_open(world: World) -> None:
    await world.worker()
    await limited(world, retry_budget={"failures": 3, "probe": 15})
    await world.put(3)
    (id,) = await world.put(at_ms=world.clock.now + 1)
    await fail(world, await claim(world), max_attempts=1)
    world.clock.advance(1_000)
    code, params = await only(world, id)
    assert code == "breaker_open"
    assert (params["failures"], params["seconds"], params["holders"]) == (3, 14, [])
    assert await claimed(world, id) is None
    world.clock.advance(14_000)
    (reason,) = await reasons(world, id)
    assert reason.message.endswith("the next job may probe now.")
    (behind,) = await world.put(at_ms=world.clock.now + 1)
    probe = await claimed(world, id)
    assert probe is not None
    world.clock.advance(15_000)
    await world.worker()
    (reason,) = await reasons(world, behind)
    assert (reason.code, reason.params["holders"]) == ("breaker_open", [id])
    assert reason.message.endswith("a job probes now.")
    await complete(world, [probe])
    assert await codes(world, behind) == ["waiting_for_slot"]


async def test_several_at_once_the_strongest_first(world: World) -> None:
    await world.worker()
    await limited(
        world,
        concurrency=1,
        rate_limit={"limit": 1, "per": 1_000, "burst": 1},
        rate_limit_per_key={"limit": 1, "per": 1_000, "burst": 1},
    )
    (holder,) = await world.put(options=keyed("k"))
    assert await claimed(world, holder)
    (id,) = await world.put(options=keyed("k"), at_ms=world.clock.now + 60_000)
    await world.store.pause("A", True)
    await world.store.bury({"w1": "a test"})
    assert await codes(world, id) == [
        "due_later",
        "paused",
        "unserved",
        "limit_full",
        "key_limit_full",
        "rate_limited",
        "key_rate_limited",
    ]
    (follower,) = await world.put(after=(holder,), options=keyed("k"))
    assert (await codes(world, follower))[:3] == ["waits_for_jobs", "paused", "unserved"]
    # each that is gone leaves the others
    world.clock.advance(60_000)
    await world.store.pause("A", False)
    await world.worker("w2")
    assert (await codes(world, id))[:2] == ["limit_full", "key_limit_full"]
    await complete(world, await world.store.find([holder]))
    assert await codes(world, id) == ["rate_limited", "key_rate_limited"]
    world.clock.advance(940_000)
    await world.worker("w2")
    assert await codes(world, id) == ["waiting_for_slot"]


async def test_running_and_the_rescue_that_would_follow(world: World) -> None:
    await world.worker()
    (id,) = await world.put()
    await claim(world)
    world.clock.advance(5_000)
    code, params = await only(world, id)
    assert (code, params["worker"], params["seconds"]) == ("running", "w1", (LEASE - 5_000) / 1000)
    (job,) = await world.store.find([id])
    await world.store.apply([lifecycle.cancel(job)])
    assert await codes(world, id) == ["cancelling", "running"]
    world.clock.advance(LEASE)
    assert await codes(world, id) == ["lease_lapsed"]
    await world.store.bury_lapsed()
    (reason,) = await reasons(world, id)
    assert reason.code == "worker_lost"
    assert "its lease lapsed" in reason.message


async def test_a_lost_worker(world: World) -> None:
    await world.worker()
    (id,) = await world.put()
    await claim(world)
    await world.store.bury({"w1": "killed by SIGKILL"})
    code, params = await only(world, id)
    assert (code, params["worker"], params["seconds"]) == ("worker_lost", "w1", 0)


async def test_how_it_ended(world: World) -> None:
    await world.worker()
    died = JobError("WorkerCrashed", "gone", exit=Exit(code=3))
    ends = {
        "completed": lambda job: lifecycle.complete(job, 1),
        "failed": lambda job: lifecycle.fail(job, died, max_attempts=1, delay=0),
        "cancelled": lambda job: lifecycle.cancelled(job, "enough"),
    }
    for code, end in ends.items():
        (id,) = await world.put()
        (job,) = await claim(world)
        await world.store.apply([end(job)])
        assert await codes(world, id) == [code]
    (id,) = await world.put()
    for _ in range(3):
        (job,) = await claim(world)
        await world.store.apply([lifecycle.crash(job, died)])
    assert await only(world, id) == (
        "crashed",
        {"crashes": 3, "signal": None, "code": 3, "memory": None},
    )
