"""What befalls the processes: dealt from two decks that the seed has shuffled.

While somebody is stopped for longer than a lease, others are killed.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from kiribi.prove.fleet import Crew, Fleet
from kiribi.prove.plan import Plan

KILLS = {
    "kill a worker": 4,
    "kill a supervisor": 2,
    "restart a supervisor": 1,
    "kill an enqueuer": 1,
    "kill everything": 1,
}
STOPS = {
    "stop a supervisor": 3,
    "stop a supervisor and its workers": 2,
    "stop a worker": 1,
    "stop an enqueuer": 1,
}
CUTS = {"cut connections": 2}
"""How often each act is in its deck; cuts where there is something to cut."""
LONGEST_PAUSE = 2.0
"""Seconds between two acts of a deck."""
PATIENT = 0.7
"""How often it waits until work goes on again: else nothing but starts would be disturbed."""
FLOW = 50
"""Attempts that have to end until then."""
LOOK_SECONDS = 0.1
LOOKS = 100
"""Then it goes on all the same."""
SHORT_STOP = 0.5
LONGEST_CUT = 2.0
"""Of seconds from 1 to 3: a half of the connections, or more, or all."""


class Chaos:
    """Hurts a fleet.

    Args:
        ended: how many attempts have ended so far.
        sever: cuts about such a share of the connections to the database; how many that were.

    Attributes:
        acts: what was done, how often.
    """

    def __init__(
        self,
        fleet: Fleet,
        plan: Plan,
        ended: Callable[[], int],
        sever: Callable[[float], Awaitable[int]] | None = None,
    ) -> None:
        self._fleet = fleet
        self._ended = ended
        self._sever = sever
        self._seed = plan.seed
        self._lease = plan.lease_ms / 1000
        self._halted: Crew | None = None
        self._supervised = asyncio.Lock()
        self.acts: Counter[str] = Counter()

    async def rage(self) -> None:
        """Act for ever."""
        kills = KILLS if self._sever is None else {**KILLS, **CUTS}
        await asyncio.gather(self._deal(kills), self._deal(STOPS))

    async def _deal(self, deck: Mapping[str, int]) -> None:
        chance = random.Random(f"{self._seed} {min(deck)}")  # noqa: S311 - replayed by a seed
        for act in _dealt(deck, chance):
            # All is drawn, whether or not it is used: the acts after this one stay the same.
            place, pause, seconds = chance.randrange(2), chance.random(), chance.uniform(1, 3)
            if chance.random() < PATIENT:
                await self._flowing()
            await asyncio.sleep(pause * LONGEST_PAUSE)
            self._fleet.tend(self._fleet)
            if await self._act(act, place, seconds):
                self.acts[act] += 1

    async def _flowing(self) -> None:
        enough = self._ended() + FLOW
        for _ in range(LOOKS):
            if self._ended() >= enough:
                break
            await asyncio.sleep(LOOK_SECONDS)

    async def _act(self, act: str, place: int, seconds: float) -> bool:
        """Do it; False if nobody was there to suffer it."""
        fleet, crew = self._fleet, self._fleet.crews[place]
        enqueuer = fleet.enqueuers[place]
        if crew is self._halted:
            crew = fleet.crews[1 - place]
        match act:
            case "kill a worker":
                workers = fleet.workers(crew)[:1]
                fleet.hurt(workers, signal.SIGKILL)
                return bool(workers)
            case "stop a worker":
                return await self._halt(fleet.workers(crew)[:1], SHORT_STOP * seconds)
            case "cut connections":
                assert self._sever is not None  # noqa: S101 - else it is not in the deck
                return await self._sever(seconds / LONGEST_CUT) > 0
            case "kill an enqueuer":
                await asyncio.to_thread(fleet.kill, enqueuer)
                enqueuer.start()
            case "stop an enqueuer":
                return await self._halt([enqueuer.pid], SHORT_STOP * seconds)
            case _:
                # One at a time, so that there is another to rescue its jobs.
                async with self._supervised:
                    await self._supervisor(act, crew, seconds)
        return True

    async def _supervisor(self, act: str, crew: Crew, seconds: float) -> None:
        fleet = self._fleet
        match act:
            case "kill a supervisor":
                await asyncio.to_thread(fleet.kill, crew)
                crew.start()
            case "restart a supervisor":
                crew.doomed = True
                crew.signal(signal.SIGTERM)
                if not await asyncio.to_thread(crew.wait, self._lease):
                    await asyncio.to_thread(fleet.kill, crew)
                crew.start()
            case "kill everything":
                for process in fleet:
                    process.doomed = True
                    fleet.hurt([process.pid], signal.SIGKILL, also=fleet.workers(process))
                for process in fleet:
                    await asyncio.to_thread(fleet.kill, process)
                    process.start()
            case _:
                workers = fleet.workers(crew)
                stopped = [] if act == "stop a supervisor" else workers
                self._halted = crew
                # So long that others bury it, so short that what it locks is free in time.
                stale = self._lease + 2 + seconds
                await self._halt([crew.pid, *stopped], stale, also=workers)

    async def _halt(self, pids: list[int], seconds: float, also: Sequence[int] = ()) -> bool:
        """Stop processes for a while."""
        try:
            self._fleet.hurt(pids, signal.SIGSTOP, also)
            await asyncio.sleep(seconds)
        finally:
            self._fleet.resume()
            self._halted = None
        return bool(pids)


def _dealt(deck: Mapping[str, int], chance: random.Random) -> Iterator[str]:
    while True:
        cards = [act for act, times in deck.items() for _ in range(times)]
        chance.shuffle(cards)
        yield from cards
