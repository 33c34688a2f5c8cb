"""What clients do beyond enqueueing: batches, bulk actions and schedules."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.simulation.limited import Default

from kiribi import Every, Schedule
from kiribi._carrier import LEASE_MS, begin, carry_out
from kiribi.errors import StoreError
from kiribi.job import new_id
from kiribi.search import JobFilter

if TYPE_CHECKING:
    from tests.simulation.plan import NewWork
    from tests.simulation.world import World


async def enqueue_batch(
    world: World, kiribi: Default, several: list[NewWork], then: NewWork
) -> None:
    """Members and a callback, by ids of our own: asked again until it is answered."""
    asked = [
        (one.binding, one.payload, {**one.options, "id": new_id()}) for one in (*several, then)
    ]
    while True:
        try:
            batch = await kiribi.enqueue_batch(asked[:-1], asked[-1])
            break
        except StoreError:
            await world.pause(0.1)
    assert batch.callback.id == asked[-1][2]["id"]
    for one, (binding, payload, options) in zip((*several, then), asked, strict=True):
        world.judge.accepted(options["id"], one.payload["n"])
        world.ids[one.payload["n"]] = options["id"], (binding, payload)


async def act(world: World, kiribi: Default, kind: str, filter: dict[str, Any], how: str) -> None:
    """Begin an action and leave it to the supervisors, carry it out, or end it soon after."""
    if how == "carry":
        action = await begin(kiribi.store, kind, JobFilter.parse(filter), "", lease_ms=LEASE_MS)
        async for _ in carry_out(kiribi.store, action):
            kiribi.queue.ring()  # between machines, a commit is not heard
        return
    action = await kiribi.start_action(kind, filter)
    if how == "abort":
        await world.pause(world.random())
        await kiribi.abort(action.id)


async def steer(kiribi: Default, what: str, name: str, parts: dict[str, Any]) -> None:
    """Make, change or remove a schedule."""
    match what:
        case "create" | "edit":
            when = Every(parts["every"])
            rest = {key: value for key, value in parts.items() if key not in ("every", "binding")}
            schedule = Schedule(when, **rest)
            if what == "create":
                await kiribi.schedules.create(name, parts["binding"], schedule)
            else:
                await kiribi.schedules.edit(name, schedule)
        case _:
            await getattr(kiribi.schedules, what)(name)


async def calm_down(world: World, kiribi: Default) -> None:
    """No schedule fires any more, and nobody waits for what has failed."""
    while True:
        with suppress(StoreError):
            for schedule in await kiribi.schedules.find_many():
                await kiribi.schedules.pause(schedule.name)
            break
        await world.pause(0.1)
    while world.judge.waits_in_vain():
        with suppress(StoreError):
            await kiribi.delete({"status": ["FAILED", "CANCELLED"]})
        await world.pause(0.5)
