"""What a seed asks for: the machines, the jobs, what clients do with them, and what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.themes import SLEEPS, THEMES, WORK, alike, steps

CALM = ("ok", "sleep:0.1", "sleep:0.4 log", "once", "fail", "snooze:0.2", "retry:0.1", "progress")
ROUGH = (
    *("ok", "sleep:0.05", "sleep:0.3", "sleep:0.8", "sleep:1.5", "log sleep:0.2 progress"),
    *("once", "once sleep:0.3 fail", "sleep:0.1 once sleep:0.2", "sleep:2.5"),
    *("fail", "sleep:0.2 fail", "snooze:0.3", "retry:0", "snooze:0", "discard", "cancel"),
    *("die", "stubborn:0.6", "sleep:0.2 die"),
)
BINDINGS = ("WORK", "WORK", "WORK", "OTHER")
LIMITED = ("FEW", "SLOW", "KEYED", "KEYED")
LATE = ("sleep:0.1 lose sleep:4", "lose sleep:3.5 once sleep:0.5", "lose sleep:4 fail")
"""They lose their lease at work, and come too late."""
FAULTS = {
    "calm": (),
    "killed": ("kill turn", "kill turn", "kill worker", "kill slot", "kill client"),
    "lapsed": ("stop supervisor", "stop supervisor", "kill supervisor", "stop any", "clock"),
    "broken": ("break", "break", "kill turn"),
    "all": ("kill turn", "kill worker", "kill supervisor", "stop any", "break", "clock"),
}
CREWS = {
    "calm": [(1,), (2,), (2,)],
    "lapsed": [(1, 1), (1, 1), (2, 1)],
    "any": [(1,), (2,), (1, 1)],
}
KINDS = ("calm", "calm", "killed", "killed", "lapsed", "lapsed", "broken", "all")


@dataclass(frozen=True, slots=True)
class NewWork:
    """A job to be enqueued: its payload has the serial number and the acts."""

    binding: str
    payload: dict[str, Any]
    options: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """Attributes:
    kind: of what goes wrong.
    remote_bell: only rings are heard, as between machines; else every commit.
    bell_faults: the chance that a ring is lost, doubled or late.
    crews: how many children each supervisor has.
    theme: what the seed dwells on; "limited": limits; "": nothing in particular.
    latency: seconds that a request or an answer of the store is under way, at most, as a rule.
    clients: what each does, one after the other.
    faults: at which step of the scheduler what goes wrong.
    """

    kind: str
    remote_bell: bool
    bell_faults: float
    crews: Sequence[int]
    concurrency: int
    latency: float
    theme: str = ""
    clients: list[list[tuple[Any, ...]]] = field(default_factory=list[list[tuple[Any, ...]]])
    faults: list[tuple[int, str, float]] = field(default_factory=list[tuple[int, str, float]])

    @property
    def calm(self) -> bool:
        """Nothing goes wrong but what the jobs do themselves."""
        return self.kind == "calm"


def planned(random: Random) -> Plan:
    """The plan of a seed."""
    kind = random.choice(KINDS)
    calm = kind == "calm"
    plan = Plan(
        kind=kind,
        remote_bell=random.random() < 0.5,
        bell_faults=0.0 if calm or random.random() < 0.5 else 0.4,
        crews=random.choice(CREWS[kind] if kind in CREWS else CREWS["any"]),
        concurrency=random.choice([1, 2, 3]),
        latency=random.choice([0.002, 0.002, 0.02]),
    )
    if calm and random.random() < 0.5:
        return _quick(random, plan)
    draw = random.random()
    if draw < 0.3:
        plan.theme = "limited"
    elif draw < 0.65:
        plan.theme = random.choice(THEMES)
    serial = 0
    for _ in range(random.choice([1, 2])):
        first = serial
        actions: list[tuple[Any, ...]] = []
        for _ in range(random.randint(2, 5) * (2 if plan.theme == "unique" else 1)):
            several = [
                _new(random, serial + place, plan, range(first, serial))
                for place in range(random.choice([1, 1, 3]))
            ]
            serial += len(several)
            alike([one.options for one in several])
            if plan.theme == "chains" and random.random() < 0.3:
                *several, then = several
                then.options.clear()
                for one in several:
                    one.options.pop("after", None)
                    one.options.pop("after_failed", None)
                actions.append(("batch", several, then))
            else:
                actions.append(("enqueue", several))
                if several[0].payload["acts"][0] in LATE and random.random() < 0.6:
                    actions.append(("reuse", several[0].payload["n"]))
            if plan.theme in THEMES:
                actions += steps(plan.theme, random, serial)
            elif random.random() < 0.6:
                actions.append(_action(random, serial, calm))
            actions.append(("wait", random.choice([0, 0.003, 0.01, 0.02, 0.3, 0.8])))
        plan.clients.append(actions)
    if FAULTS[kind]:
        for _ in range(random.randint(1, 3)):
            fault = random.choice(FAULTS[kind])
            plan.faults.append((_step(random), fault, random.random()))
        if plan.theme == "ticks" and random.random() < SLEEPS:
            plan.faults.append((_step(random), "stop crews", random.random()))
        plan.faults.sort(reverse=True)
    return plan


def _step(random: Random) -> int:
    return int(150 * 20 ** random.random())


def _quick(random: Random, plan: Plan) -> Plan:
    """Jobs that end at once, in pairs so close that looking and ringing meet, and then silence."""
    plan.latency, plan.crews = 0.02, (1,)
    actions: list[tuple[Any, ...]] = []
    for serial in range(10):
        options: dict[str, Any] = {"id": True} if random.random() < 0.8 else {}
        if serial in (0, 3, 7, 9) and random.random() < 0.4:
            options["first_delay"] = random.choice([0.05, 0.4])
        work = NewWork("WORK", {"n": serial, "acts": ["ok"]}, options)
        pause = 0.1 * random.random() if serial % 2 else 0.6
        actions += [("enqueue", [work]), ("wait", pause)]
    plan.clients.append(actions)
    return plan


def _new(random: Random, serial: int, plan: Plan, earlier: Sequence[int]) -> NewWork:
    if plan.theme in THEMES:
        return _themed(random, serial, plan.theme, earlier)
    kind, calm = plan.kind, plan.calm
    acts = random.choices(CALM if calm else ROUGH, k=random.choice([1, 1, 2, 3]))
    if "snooze" in acts[-1] or random.random() < 0.8:
        acts.append("ok")
    if kind == "lapsed" and random.random() < 0.15:
        acts = [random.choice(LATE), random.choice(["sleep:1.5", "sleep:3"]), *acts]
    options: dict[str, Any] = {}
    if random.random() < 0.3:
        options["max_attempts"] = random.choice([1, 2, 4])
    if random.random() < 0.2:
        options["first_delay"] = random.choice([0.05, 0.4, 1.2])
    if random.random() < 0.3:
        options["priority"] = random.randint(0, 9)
    if random.random() < 0.2:
        options["timeout"] = random.choice([0.15, 0.5])
    if random.random() < 0.4:
        options["id"] = True  # one of its own
    binding = random.choice(BINDINGS)
    if not calm and random.random() < 0.05:
        binding = "ISOLATED"
    if plan.theme == "limited" and random.random() < 0.6:
        binding = random.choice(LIMITED)
        if binding == "KEYED":
            options["concurrency_key"] = random.choice(["a", "b"])
    if earlier and random.random() < (0.1 if calm else 0.3):
        options["after"] = random.sample(earlier, min(len(earlier), random.choice([1, 1, 2])))
    return NewWork(binding, {"n": serial, "acts": acts}, options)


def _themed(random: Random, serial: int, theme: str, earlier: Sequence[int]) -> NewWork:
    binding, acts, options = WORK[theme](random)
    if "fail" not in acts[-1] or random.random() < 0.5:
        acts.append("ok")
    if random.random() < 0.4:
        options["id"] = True
    if theme == "chains" and earlier and random.random() < 0.7:
        options["after"] = random.sample(earlier, min(len(earlier), random.choice([1, 2, 3])))
        options["after_failed"] = random.choice(["cancel", "run", "wait"])
    return NewWork(binding, {"n": serial, "acts": acts}, options)


def _action(random: Random, serial: int, calm: bool) -> tuple[Any, ...]:
    which = random.randrange(serial)
    if calm:
        return random.choice([("result", which), ("find", which)])
    binding = random.choice(BINDINGS)
    return random.choice(
        [
            *(("cancel", which), ("cancel", which), ("retry", which), ("retry", which)),
            *(("run_now", which), ("delete", which), ("again", which), ("result", which)),
            *(("pause", binding), ("recover",), ("find", which), ("sweep",)),
        ]
    )
