"""Seeds that dwell on one thing: what their jobs are, and what their clients do besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Action = tuple[Any, ...]

STATES = (
    *(None, None, None, ["PENDING"], ["PENDING", "RETRY_PENDING"]),
    *(["PENDING", "PROCESSING", "RETRY_PENDING", "COMPLETED"], ["PENDING", "COMPLETED", "FAILED"]),
)
ON_CONFLICT = ("return", "raise", "replace", "replace", "reschedule")
FRAGILE = ("fail", "fail", "sleep:0.2 fail", "sleep:1.5 fail", "sleep:0.3", "ok", "retry:0.1")
SHORT = ("ok", "fail", "sleep:0.2", "sleep:0.6", "sleep:1.2", "snooze:0.2", "sleep:0.2 fail")
FILTERS: tuple[dict[str, Any], ...] = (
    *({}, {"binding": ["WORK"]}, {"status": ["PENDING", "RETRY_PENDING"]}, {"status": ["FAILED"]}),
    *({"status": ["FAILED", "CANCELLED", "COMPLETED"]}, {"status": ["COMPLETED"]}),
)
SCHEDULES = ("one", "two")
SLEEPS = 0.9
"""How often nobody is there to fire, of seeds about ticks, for so long that some are missed."""
TICKS = (
    *((1, "once"), (2, "once"), (2, "skip"), (3, "skip"), (3, "once"), (4, "all")),
    *((300, "all"), (20, "once"), (20, "skip")),
)


def unique_work(random: Random) -> tuple[str, list[str], dict[str, Any]]:
    """Few keys, every rule."""
    unique: dict[str, Any] = {
        "key": random.choice("aab"),
        "on_conflict": random.choice(ON_CONFLICT),
    }
    if (states := random.choice(STATES)) is not None:
        unique["states"] = states
    if random.random() < 0.3:
        unique["within"] = random.choice([0.05, 0.4, 1.5])
    options: dict[str, Any] = {} if random.random() < 0.15 else {"unique": unique}
    if random.random() < 0.3:
        options["first_delay"] = random.choice([0.1, 0.5])
    return "WORK", random.choices(SHORT, k=2), options


def alike(several: Sequence[dict[str, Any]]) -> None:
    """Of one call, jobs of a key hold it by one rule: of those replaced at once only that shows."""
    rules: dict[str, dict[str, Any]] = {}
    for options in several:
        if (unique := options.get("unique")) is not None:
            rule = rules.setdefault(unique["key"], unique)
            how = unique if "states" in rule else rule
            options["unique"] = {**rule, "on_conflict": how["on_conflict"]}


def fragile_work(random: Random) -> tuple[str, list[str], dict[str, Any]]:
    """Mostly failures."""
    binding = "FRAGILE" if random.random() < 0.85 else "WORK"
    return binding, random.choices(FRAGILE, k=random.choice([1, 2, 3])), {}


def short_work(random: Random) -> tuple[str, list[str], dict[str, Any]]:
    """Of any outcome; some not due for a while, so that there is something to act on."""
    options: dict[str, Any] = {}
    if random.random() < 0.4:
        options["first_delay"] = random.choice([0.5, 2, 5])
    if random.random() < 0.4:
        options["max_attempts"] = 1
    return random.choice(["WORK", "OTHER"]), random.choices(SHORT, k=random.choice([1, 2])), options


WORK: dict[str, Callable[[Random], tuple[str, list[str], dict[str, Any]]]] = {
    "unique": unique_work,
    "budget": fragile_work,
    "bulk": short_work,
    "ticks": short_work,
    "chains": short_work,
}
"""What jobs are like, by theme."""
THEMES = tuple(WORK)


def steps(theme: str, random: Random, serial: int) -> Sequence[Action]:
    """What a client does between two enqueues; `serial` jobs were enqueued before."""
    which = random.randrange(serial)
    match theme:
        case "unique":
            what = random.choice(["retry", "retry", "cancel", "run_now", "delete", "find"])
            return [(what, which)] if random.random() < 0.6 else []
        case "bulk":
            kind = random.choice(["cancel", "cancel", "retry", "retry", "run_now", "delete"])
            how = random.choice(["start", "start", "carry", "abort"])
            return [("act", kind, random.choice(FILTERS), how)]
        case "ticks":
            steering = _steering(random)
            # at the same time as a tick, or not
            when = "tick" if random.random() < 0.5 else random.choice([0, 0.5, 2.5])
            return [("wait", when), steering]
        case "chains":
            what = random.choice(["retry", "cancel", "delete", "run_now"])
            return [(what, which)] if random.random() < 0.3 else []
        case _:
            return [("retry", which)] if random.random() < 0.2 else []


def _steering(random: Random) -> Action:
    every, missed = random.choice(TICKS)
    parts = {
        "binding": "WORK",
        "every": every,
        "missed": missed,
        "overlap": random.random() < 0.6,
        "payload": {"n": -2 - random.randrange(50), "acts": [random.choice(SHORT), "ok"]},
    }
    what = random.choice(
        ["create"] * 3 + ["edit"] * 2 + ["pause", "resume", "delete"] + ["run_now"] * 3
    )
    name = random.choice(SCHEDULES)
    if what in ("pause", "resume", "run_now") and random.random() < 0.3:
        name = "TICKING"
    return ("steer", what, name, parts)
