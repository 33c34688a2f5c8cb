"""What limits must do: never more than allowed, nothing that is allowed withheld, keys in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tests.conformance.world import START, World

from kiribi import lifecycle
from kiribi.job import Job, JobError
from kiribi.ports import BindingInfo

BOOM = JobError("ValueError", "boom")


def keyed(key: str) -> str:
    return f'{{"concurrency_key":"{key}"}}'


def key_of(job: Job) -> str | None:
    return job.options.get("concurrency_key")


async def limited(world: World, binding: str = "A", **limits: Any) -> None:
    await world.store.register([BindingInfo(binding, limits=limits)])


async def claim(world: World, number: int = 100, bindings: Sequence[str] = ("A",)) -> list[Job]:
    held = [job.id for job in await world.store.held_by("w1")]
    return await world.store.claim("w1", bindings, number, held=held)


async def complete(world: World, jobs: Sequence[Job]) -> None:
    assert all(await world.store.apply([lifecycle.complete(job, None) for job in jobs]))


async def fail(world: World, jobs: Sequence[Job], *, max_attempts: int = 9) -> None:
    changes = [lifecycle.fail(job, BOOM, max_attempts=max_attempts, delay=0) for job in jobs]
    assert all(await world.store.apply(changes))


# Concurrency


async def test_so_many_of_a_binding_run_at_a_time(world: World) -> None:
    await world.worker("w1")
    await world.worker("w2")
    await limited(world, concurrency=3)
    await world.put(10)
    await world.put(4, "B")
    first = await world.store.claim("w1", ["A", "B"], 100)
    assert Counter(job.binding for job in first) == {"A": 3, "B": 4}
    assert await world.store.claim("w2", ["A"], 100) == []
    assert await world.store.next_due(["A"]) is None
    await complete(world, [job for job in first if job.binding == "A"][:2])
    assert await world.store.next_due(["A"]) == 0
    assert len(await world.store.claim("w2", ["A"], 100)) == 2


async def test_what_a_lost_worker_runs_counts_until_it_is_rescued(world: World) -> None:
    await world.worker("w1")
    await world.worker("w2")
    await limited(world, concurrency=1)
    await world.put(1)
    await world.put(2, options=keyed("k"), at_ms=START + 1)
    (plain,) = await world.store.claim("w1", ["A"], 1)
    world.clock.advance(1)
    assert await world.store.claim("w2", ["A"], 9) == []
    await world.store.bury({"w1": "killed"})
    assert await world.store.claim("w2", ["A"], 9) == []
    await world.store.apply([lifecycle.crash(plain, BOOM)])
    await world.store.dismiss("w1")
    assert [job.id for job in await world.store.claim("w2", ["A"], 9)] == [plain.id]


async def test_one_of_a_key_runs_at_a_time(world: World) -> None:
    await world.worker()
    await world.put(3, options=keyed("k"))
    await world.put(2)
    first = await claim(world)
    assert Counter(map(key_of, first)) == {"k": 1, None: 2}
    assert await world.store.next_due(["A"]) is None
    assert await claim(world) == []
    (running,) = [job for job in first if key_of(job)]
    await complete(world, [running])
    assert await world.store.next_due(["A"]) == 0
    (second,) = await claim(world)
    assert key_of(second) == "k"
    await fail(world, [second])
    assert len(await claim(world)) == 1


async def test_a_key_is_the_bindings_own(world: World) -> None:
    await world.worker()
    await world.put(1, "A", options=keyed("k"))
    await world.put(1, "B", options=keyed("k"))
    assert len(await claim(world, bindings=["A", "B"])) == 2


async def test_several_of_a_key_where_the_performer_says_so(world: World) -> None:
    await world.worker()
    await limited(world, concurrency_per_key=3, concurrency=4)
    await world.put(5, options=keyed("k"))
    await world.put(5, options=keyed("l"))
    first = await claim(world)
    assert Counter(map(key_of, first)) == {"k": 2, "l": 2}
    await complete(world, first[:1])
    assert len(await claim(world)) == 1


async def test_within_a_key_the_best_come_first(world: World) -> None:
    await world.worker()
    await world.put(1, options=keyed("k"), at_ms=START - 60_000)
    (urgent,) = await world.put(1, options=keyed("k"), priority=2, at_ms=START - 10)
    (first,) = await claim(world)
    assert first.id == urgent


async def test_a_later_job_of_higher_priority_does_not_hide_a_due_one(world: World) -> None:
    await world.worker()
    await world.put(30, options=keyed("k"), priority=9, delay_ms=60_000)
    (due,) = await world.put(1, options=keyed("k"))
    assert await world.store.next_due(["A"]) == 0
    assert [job.id for job in await claim(world)] == [due]


async def test_chosen_jobs_obey_limits(world: World) -> None:
    await world.worker()
    await limited(world, concurrency=2)
    plain = await world.put(3)
    same = await world.put(2, options=keyed("k"))
    store = world.store
    (one,) = await store.claim("w1", ["A"], 9, pool="x", ids=same)
    assert (
        await store.claim("w1", ["A"], 9, pool="y", ids=[id for id in same if id != one.id]) == []
    )
    assert len(await store.claim("w1", ["A"], 9, pool="z", ids=plain)) == 1
    assert await store.claim("w1", ["A"], 9, pool="v", ids=plain) == []


# Fairness


async def test_keys_take_turns(world: World) -> None:
    """Two jobs of the newcomer are not behind the thousand of the one before."""
    await world.worker()
    await limited(world, concurrency_per_key=10)
    await world.put(1_000, options=keyed("hostile"), priority=9)
    world.clock.advance(60_000)
    await world.worker()
    await world.put(2, options=keyed("small"))
    order: list[str | None] = []
    for _ in range(6):
        world.clock.advance(1)
        (job,) = await claim(world, 1)
        order.append(key_of(job))
        await complete(world, [job])
    assert order.index("small") <= 1
    assert order.count("small") == 2
    assert order[:4].count("small") == 2


async def test_one_claim_takes_of_each_key_before_it_takes_again(world: World) -> None:
    await world.worker()
    await limited(world, concurrency_per_key=50)
    await world.put(100, options=keyed("hostile"))
    for number in range(8):
        world.clock.advance(1)
        await world.put(3, options=keyed(f"t{number}"))
    taken = Counter(map(key_of, await claim(world, 18)))
    assert taken == {"hostile": 2, **{f"t{number}": 2 for number in range(8)}}


async def test_a_crowd_of_keys_is_served_like_any_other_binding(world: World) -> None:
    """By age: neither does the binding with keys push in, nor is it pushed back."""
    await world.worker()
    for number in range(10):
        await world.put(1, "A", options=keyed(f"k{number}"), at_ms=START - 100 + 2 * number)
        await world.put(1, "B", at_ms=START - 99 + 2 * number)
    order = [job.binding for job in await claim(world, 20, ["A", "B"])]
    assert order == ["A", "B"] * 10


async def test_plain_jobs_age_beside_keys(world: World) -> None:
    await world.worker()
    for number in range(20):
        await world.put(1, options=keyed(f"k{number}"), at_ms=START - 10)
    await world.put(1, at_ms=START - 60_010, priority=0)
    await world.put(1, at_ms=START - 11)
    taken = await claim(world, 2)
    assert [key_of(job) for job in taken] == [None, None]


# Rates

FIVE_A_SECOND = {"limit": 5, "per": 1.0, "burst": 1}


async def test_starts_are_spaced_by_the_rate(world: World) -> None:
    await world.worker()
    await limited(world, rate_limit=FIVE_A_SECOND)
    await world.put(20)
    starts: list[int] = []
    while len(starts) < 11:
        wait = await world.store.next_due(["A"])
        assert wait is not None
        world.clock.advance(wait)
        taken = await claim(world)
        assert len(taken) == 1
        starts.append(world.clock.now)
    assert starts == [START + 200 * number for number in range(11)]


async def test_a_burst_after_a_rest(world: World) -> None:
    await world.worker()
    await limited(world, rate_limit={"limit": 2, "per": 10, "burst": 4})
    await world.put(20)
    assert len(await claim(world)) == 4
    assert await world.store.next_due(["A"]) is None
    world.clock.advance(4_999)
    await world.worker()
    assert await world.store.next_due(["A"]) == 1
    assert await claim(world) == []
    world.clock.advance(1)
    assert len(await claim(world)) == 1
    world.clock.advance(12_000)
    await world.worker()
    assert len(await claim(world)) == 2


async def test_each_key_has_a_rate_of_its_own(world: World) -> None:
    await world.worker()
    await limited(
        world, concurrency_per_key=9, rate_limit_per_key={"limit": 1, "per": 1, "burst": 2}
    )
    for key in "kl":
        await world.put(5, options=keyed(key))
    assert Counter(map(key_of, await claim(world))) == {"k": 2, "l": 2}
    assert await world.store.next_due(["A"]) == 1_000
    world.clock.advance(1_000)
    assert Counter(map(key_of, await claim(world))) == {"k": 1, "l": 1}


async def test_a_key_without_jobs_keeps_its_rate_in_mind(world: World) -> None:
    await world.worker()
    await limited(world, rate_limit_per_key={"limit": 1, "per": 60, "burst": 1})
    await world.put(1, options=keyed("k"))
    await complete(world, await claim(world))
    await world.store.roll_up()
    await world.put(1, options=keyed("k"))
    assert await claim(world) == []
    world.clock.advance(60_000)
    await world.worker()
    assert len(await claim(world)) == 1


# The retry budget

BUDGET = {"failures": 3, "probe": 10.0}


async def state(world: World) -> tuple[int, int | None]:
    (info,) = [info for info in await world.store.bindings() if info.name == "A"]
    return info.streak, info.probe_ms


async def test_failures_in_a_row_open_the_breaker_and_a_success_closes_it(world: World) -> None:
    await world.worker()
    await limited(world, retry_budget=BUDGET)
    await world.put(10)
    await fail(world, await claim(world, 2))
    await complete(world, await claim(world, 1))
    await fail(world, await claim(world, 2))
    assert await state(world) == (2, None)
    await fail(world, await claim(world, 1))
    assert await state(world) == (3, 10_000)
    assert await claim(world) == []
    assert await world.store.next_due(["A"]) is None
    world.clock.advance(10_000)
    await world.worker()
    assert await world.store.next_due(["A"]) == 0
    (probe,) = await claim(world)
    assert await claim(world) == []
    await fail(world, [probe])
    assert await state(world) == (4, 10_000)
    assert await claim(world) == []
    world.clock.advance(10_000)
    await world.worker()
    (probe,) = await claim(world)
    world.clock.advance(50_000)
    await world.worker()
    assert await claim(world) == []
    await complete(world, [probe])
    assert await state(world) == (0, None)
    assert len(await claim(world)) == 8


async def test_parked_jobs_spend_no_attempts(world: World) -> None:
    await world.worker()
    await limited(world, retry_budget=BUDGET)
    ids = await world.put(10)
    await fail(world, await claim(world, 3))
    for _ in range(3):
        world.clock.advance(10_000)
        await world.worker()
        await fail(world, await claim(world))
    assert sum(job.attempts for job in await world.store.find(ids)) == 6


async def test_a_probe_that_says_nothing_is_followed_by_another(world: World) -> None:
    await world.worker()
    await limited(world, retry_budget=BUDGET)
    await world.put(5, options=keyed("k"))
    for _ in range(3):
        await fail(world, await claim(world, 1))
    world.clock.advance(10_000)
    await world.worker()
    (probe,) = await claim(world)
    await world.store.apply([lifecycle.crash(probe, BOOM)])
    assert await claim(world) == []
    world.clock.advance(10_000)
    await world.worker()
    assert len(await claim(world)) == 1


# At run time


@pytest.mark.parametrize("how", ["register", "limit"])
async def test_limits_change_at_once(world: World, how: str) -> None:
    async def change(**limits: Any) -> None:
        if how == "register":
            await limited(world, **limits)
        else:
            await world.store.limit("A", {"rate_limit_per_key": None, **limits})

    await world.worker()
    await change(concurrency=1, concurrency_per_key=2)
    await world.put(4, options=keyed("k"))
    assert len(await claim(world)) == 1
    await change(concurrency=9, concurrency_per_key=2)
    assert len(await claim(world)) == 1
    await change(concurrency=9, concurrency_per_key=3)
    assert await world.store.next_due(["A"]) == 0
    assert len(await claim(world)) == 1
    await change(
        concurrency=9, concurrency_per_key=9, rate_limit_per_key={"limit": 1, "per": 9, "burst": 1}
    )
    assert len(await claim(world)) == 1
    assert await claim(world) == []


async def test_what_was_set_at_run_time_survives_workers_and_can_be_taken_back(
    world: World,
) -> None:
    async def in_force() -> dict[str, Any]:
        (info,) = await world.store.bindings()
        return dict(info.limits)

    await world.worker()
    await limited(world, concurrency=4, rate_limit=FIVE_A_SECOND)
    await world.store.limit("A", {"concurrency": 1})
    await world.store.limit("A", {"rate_limit": None, "concurrency_per_key": 2})
    await limited(world, concurrency=5, rate_limit=FIVE_A_SECOND)
    assert await in_force() == {"concurrency": 1, "concurrency_per_key": 2}
    (info,) = await world.store.bindings()
    assert info.overrides == {"concurrency": 1, "rate_limit": None, "concurrency_per_key": 2}
    assert info.declared == {"concurrency": 5, "rate_limit": FIVE_A_SECOND}
    await world.put(9)
    assert len(await claim(world)) == 1
    await world.store.limit("A", {"concurrency": None})
    assert await in_force() == {"concurrency_per_key": 2}
    assert len(await claim(world, 2)) == 2
    await world.store.limit("A", None)
    assert await in_force() == {"concurrency": 5, "rate_limit": FIVE_A_SECOND}
    assert len(await claim(world)) == 1


async def test_a_lifted_budget_closes_the_breaker(world: World) -> None:
    await world.worker()
    await limited(world, retry_budget=BUDGET)
    await world.put(5)
    await fail(world, await claim(world, 3))
    await world.store.limit("A", {"retry_budget": None})
    assert await state(world) == (0, None)
    assert len(await claim(world)) == 5


async def test_a_pause_holds_keys_too(world: World) -> None:
    await world.worker()
    await world.put(2, options=keyed("k"))
    await world.store.pause("A", True)
    assert await claim(world) == []
    assert await world.store.next_due(["A"]) is None
    await world.store.pause("A", False)
    assert await world.store.next_due(["A"]) == 0
    assert len(await claim(world)) == 1


async def test_the_pulse_knows_how_long_keys_wait(world: World) -> None:
    await world.worker()
    await limited(world, concurrency_per_key=2)
    await world.put(1, options=keyed("k"), at_ms=START - 50)
    assert (await world.store.pulse()).oldest_due_ms == START - 50
    await claim(world)
    assert (await world.store.pulse()).oldest_due_ms is None
    await world.put(1, options=keyed("k"), at_ms=START - 20)
    assert (await world.store.pulse()).oldest_due_ms == START - 20
