"""Leases: who lives, who is dead, and that nobody is both."""

from __future__ import annotations

from tests.conformance.world import LEASE, START, World

from kiribi import lifecycle
from kiribi.job import JobError
from kiribi.ports import WorkerInfo


async def test_renewed_leases_run_from_the_renewal(world: World) -> None:
    await world.worker("w1")
    await world.worker("w2")
    world.clock.advance(LEASE - 1)
    assert sorted(await world.store.renew(["w1", "nobody"], LEASE)) == ["w1"]
    world.clock.advance(1)
    await world.store.bury_lapsed()
    assert [worker.id for worker in await world.store.dead_workers()] == ["w2"]
    leases = {worker.id: worker.lease_ms for worker in await world.store.workers()}
    assert leases == {"w1": LEASE - 1, "w2": 0}


async def test_the_buried_stay_buried(world: World) -> None:
    await world.worker()
    await world.store.bury({"w1": "killed by SIGKILL", "nobody": "?"})
    await world.store.bury({"w1": "again"})
    assert await world.store.renew(["w1"], LEASE) == []
    await world.worker("w1")
    (dead,) = await world.store.dead_workers()
    assert (dead.id, dead.dead_reason) == ("w1", "killed by SIGKILL")
    await world.put()
    assert await world.store.claim("w1", ["A"], 1) == []


async def test_a_lapsed_worker_renews_unless_it_was_buried(world: World) -> None:
    await world.worker("w1")
    world.clock.advance(LEASE + 5)
    assert await world.store.renew(["w1"], LEASE) == ["w1"]
    await world.store.bury_lapsed()
    assert await world.store.dead_workers() == []
    world.clock.advance(LEASE)
    await world.store.bury_lapsed()
    assert await world.store.renew(["w1"], LEASE) == []


async def test_a_worker_that_lives_is_renewed_as_it_now_is(world: World) -> None:
    await world.worker()
    world.clock.advance(LEASE + 5)
    now = WorkerInfo("w1", "host", 7, "1.1", ("A", "C"), 9)
    assert await world.store.renew_as(now, LEASE), "lapsed, but nobody has buried it"
    (worker,) = await world.store.workers()
    assert (worker.host, worker.pid, worker.bindings, worker.slots) == ("host", 7, ("A", "C"), 9)
    assert (worker.lease_ms, worker.started_ms) == (LEASE, START)


async def test_neither_buried_nor_forgotten_workers_are_renewed(world: World) -> None:
    await world.worker()
    await world.store.bury({"w1": "gone"})
    buried = await world.store.workers()
    assert not await world.store.renew_as(WorkerInfo("w1", bindings=("A",)), LEASE)
    assert await world.store.workers() == buried
    await world.store.dismiss("w1")
    assert not await world.store.renew_as(WorkerInfo("w1", bindings=("A",)), LEASE)
    assert await world.store.workers() == []


async def test_dismissed_only_with_empty_hands(world: World) -> None:
    await world.worker()
    await world.put(2)
    one, two = await world.store.claim("w1", ["A"], 2)
    await world.store.bury({"w1": "gone"})
    await world.store.apply([lifecycle.crash(one, JobError("WorkerLost", "gone"))])
    await world.store.dismiss("w1")
    assert [job.id for job in await world.store.held_by("w1")] == [two.id]
    assert [worker.id for worker in await world.store.dead_workers()] == ["w1"]
    await world.store.apply([lifecycle.crash(two, JobError("WorkerLost", "gone"))])
    await world.store.dismiss("w1")
    assert await world.store.workers() == []
    await world.store.dismiss("w1")


async def test_a_new_life_under_an_old_name(world: World) -> None:
    await world.worker()
    await world.store.bury({"w1": "gone"})
    await world.store.dismiss("w1")
    await world.worker()
    await world.put()
    assert len(await world.store.claim("w1", ["A"], 1)) == 1


async def test_workers_come_newest_first(world: World) -> None:
    for id in ("w2", "w1", "w3"):
        await world.worker(id)
        world.clock.advance(1)
    assert [worker.id for worker in await world.store.workers()] == ["w3", "w1", "w2"]


async def test_pulse_tells_who_is_served(world: World) -> None:
    await world.put(binding="A")
    await world.put(binding="C")
    assert (await world.store.pulse()).unserved == ("A", "C")
    await world.worker("w1", ("A", "B"))
    pulse = await world.store.pulse()
    assert (pulse.unserved, pulse.workers) == (("C",), 1)
    world.clock.advance(LEASE)
    pulse = await world.store.pulse()
    assert (pulse.unserved, pulse.workers) == (("A", "C"), 0)
    await world.worker("w2", ("A", "C"))
    await world.store.bury({"w2": "gone"})
    assert (await world.store.pulse()).workers == 0


async def test_pulse_tells_the_longest_wait(world: World) -> None:
    assert (await world.store.pulse()).oldest_due_ms is None
    start = world.clock.now
    [first] = await world.put(delay_ms=500)
    assert (await world.store.pulse()).oldest_due_ms is None
    world.clock.advance(700)
    await world.put()
    await world.put(priority=9, binding="B")
    pulse = await world.store.pulse()
    assert (pulse.oldest_due_ms, pulse.oldest_due_id) == (start + 500, first)
    await world.store.pause("A", True)
    assert (await world.store.pulse()).oldest_due_ms == start + 700
