"""Ticks of schedules: against a wall clock watched minute by minute, and by their laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.cron_model import ticks, wall

from kiribi.errors import InvalidInput
from kiribi.job import epoch_ms
from kiribi.schedule import (
    FRESH_MS,
    MISSED,
    MOST_MISSED,
    Cron,
    Every,
    Schedule,
    When,
    defined,
    definition,
    due,
    last,
)

EXPRESSIONS = (
    "* * * * *",
    "*/15 * * * *",
    "7 * * * *",
    "0 */2 * * *",
    "*/20 0-3 * * *",
    "*/7 2 * * *",
    "0 9 * * 1-5",
    "0,30 2 * * *",
    "30 0,1,2,3 * * SUN",
    "15 1 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "30 2 29 * *",
    "0 0 1 * *",
    "5,10,50 0-4 1-15 3,4,10,11 *",
    "30 1 25 10 0",
)
TURNS = {
    # the zone, and the days its clocks were (or will be) put forward or back
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),  # by half an hour
    "America/Sao_Paulo": ("2018-02-17", "2018-11-04"),  # at midnight
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),  # back for Ramadan
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),  # by two hours
    "Asia/Beirut": ("2026-03-29", "2026-10-24"),  # at midnight
    "Asia/Tokyo": ("2026-03-29", "2026-10-25"),  # never
}
DAY = timedelta(days=1)


def at(text: str) -> int:
    return epoch_ms(datetime.fromisoformat(text))


def shown(when: Cron, start: str, number: int) -> list[str]:
    """The ticks after a time, as the clock there shows them."""
    zone = ZoneInfo(when.tz)
    found = islice(when.ticks(at(start)), number)
    return [datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes") for ms in found]


def same_as_the_wall(zone: str, start: datetime, end: datetime) -> None:
    clock = list(wall(zone, start, end))
    begin, stop = epoch_ms(start + timedelta(hours=3)), epoch_ms(end)
    for expression in EXPRESSIONS:
        found = takewhile(lambda tick: tick < stop, Cron(expression, zone).ticks(begin - 1))
        assert list(found) == ticks(expression, clock), (expression, zone)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone in TURNS for day in TURNS[zone]])
def test_weeks_around_a_turn_of_the_clocks(zone: str, day: str) -> None:
    turn = datetime.fromisoformat(day).replace(tzinfo=UTC)
    same_as_the_wall(zone, turn - 5 * DAY, turn + 5 * DAY)


@pytest.mark.long
@pytest.mark.parametrize("zone", TURNS)
def test_a_year(zone: str) -> None:
    start = datetime.fromisoformat(TURNS[zone][0]).replace(tzinfo=UTC, month=1, day=1)
    same_as_the_wall(zone, start, start.replace(year=start.year + 1))


def test_a_day_that_was_left_out() -> None:
    """Samoa went to bed on 29 December 2011 and got up on the 31st."""
    start = datetime(2011, 12, 27, tzinfo=UTC)
    same_as_the_wall("Pacific/Apia", start, start + 8 * DAY)


@settings(max_examples=200)
@given(
    zone=st.sampled_from(sorted(TURNS)),
    expression=st.sampled_from(EXPRESSIONS),
    start=st.integers(0, 365 * 24 * 60),
    ms=st.integers(0, 59_999),
)
def test_asked_from_any_time_the_next_is_the_same(
    zone: str, expression: str, start: int, ms: int
) -> None:
    """Also from within an hour that is there twice."""
    when = Cron(expression, zone)
    day = datetime.fromisoformat(TURNS[zone][0]).replace(tzinfo=UTC, month=1, day=1)
    asked = epoch_ms(day) + start * 60_000 + ms
    found = when.next_after(asked)
    assert found is not None
    assert found > asked
    assert found == next(tick for tick in when.ticks(asked - 7 * 3_600_000) if tick > asked)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"])
def test_from_each_minute_of_a_turn(zone: str) -> None:
    for day in TURNS[zone]:
        begin = epoch_ms(datetime.fromisoformat(day).replace(tzinfo=UTC) - DAY)
        for expression in ("*/15 * * * *", "0,30 0-3 * * *", "30 2 * * *", "*/20 0 * * *"):
            when = Cron(expression, zone)
            every = all_between(when, begin, begin + 4 * 86_400_000)
            for minute in range(0, 48 * 60, 3):
                asked = begin + minute * 60_000
                assert when.next_after(asked) == next(tick for tick in every if tick > asked)


def test_the_rule_for_times_that_do_not_exist_or_are_there_twice() -> None:
    daily = Cron("30 2 * * *", "Europe/Berlin")
    assert shown(daily, "2026-03-28T12:00Z", 2) == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]
    assert shown(daily, "2026-10-24T12:00Z", 2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]
    often = Cron("*/30 * * * *", "Europe/Berlin")
    assert shown(often, "2026-03-29T00:00Z", 3) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T03:30+02:00",
    ]
    assert shown(often, "2026-10-25T00:00Z", 4) == [
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:00+01:00",
    ]


def test_days_of_months_and_weeks() -> None:
    def days(expression: str, number: int = 3) -> list[str]:
        return [day[:10] for day in shown(Cron(expression), "2026-01-01T12:00Z", number)]

    assert days("0 0 L * *") == ["2026-01-31", "2026-02-28", "2026-03-31"]
    assert days("0 0 LW * *") == ["2026-01-30", "2026-02-27", "2026-03-31"]
    assert days("0 0 * * 5L") == ["2026-01-30", "2026-02-27", "2026-03-27"]
    assert days("0 0 * * MON#2") == ["2026-01-12", "2026-02-09", "2026-03-09"]
    assert days("0 0 29 FEB *", 2) == ["2028-02-29", "2032-02-29"]
    assert days("0 0 13 * FRI") == ["2026-01-02", "2026-01-09", "2026-01-13"]  # either will do


def test_intervals_are_elapsed_time() -> None:
    spring = at("2026-03-29T00:59:59Z")
    assert list(islice(Every(1800).ticks(spring), 3)) == [
        at(f"2026-03-29T{time}Z") for time in ("01:00", "01:30", "02:00")
    ]
    assert Every(0.25 + 1).next_after(0) == 1_250
    assert Every(60).next_after(60_000) == 120_000
    assert Every(60.0) == Every(60)


def test_the_calendar_ends() -> None:
    assert Cron("0 0 1 1 *").next_after(at("9999-06-01T00:00Z")) is None
    assert Cron("0 0 1 1 *", "Asia/Tokyo").next_after(at("9999-12-31T23:00Z")) is None


@pytest.mark.parametrize("when", [Cron("0 9 * * 1-5", "Asia/Tokyo"), Every(300), Every(1.5)])
def test_stored_and_read_again(when: When) -> None:
    schedule = Schedule(when, {"b": 1, "a": ["ü"]}, missed="all", overlap=False, options={"x": 1})
    text = definition("A", schedule, '{"b":1,"a":["ü"]}')
    assert defined(text) == ("A", schedule)
    assert definition("A", defined(text)[1], '{"b": 1, "a": ["ü"]}') == text


# What is due


WHENS = st.one_of(
    st.integers(1, 100_000).map(Every),
    st.builds(Cron, st.sampled_from(EXPRESSIONS), st.sampled_from(sorted(TURNS))),
)
BEGIN = at("2026-03-01T00:00Z")


def all_between(when: When, begin: int, end: int) -> list[int]:
    return list(takewhile(lambda tick: tick <= end, when.ticks(begin - 1)))


@settings(max_examples=200, deadline=None)
@given(when=WHENS, begin=st.integers(0, 10**9), span=st.integers(0, 10**7), most=st.integers(1, 9))
def test_the_last_of_many(when: When, begin: int, span: int, most: int) -> None:
    begin += BEGIN
    assert last(when, begin, begin + span, most) == all_between(when, begin, begin + span)[-most:]


@settings(max_examples=200, deadline=None)
@given(when=WHENS, late=st.integers(-(10**6), 10**7), missed=st.sampled_from(MISSED))
@example(when=Every(1), late=FRESH_MS, missed="once")
@example(when=Every(1), late=FRESH_MS + 1, missed="once")
@example(when=Every(1), late=10**7, missed="all")
def test_what_is_due(when: When, late: int, missed: str) -> None:
    first = when.next_after(BEGIN)
    assert first is not None
    now = first + late
    found = due(when, missed, first, now)  # type: ignore[arg-type]
    every = all_between(when, first, now)
    if late <= FRESH_MS or missed == "all":
        assert found == every[-MOST_MISSED:]
    elif missed == "once":
        assert found == every[-1:]
    else:
        assert found == [tick for tick in every if tick >= now - FRESH_MS]


@settings(max_examples=100, deadline=None)
@given(
    when=WHENS,
    looks=st.lists(st.integers(-90_000, 4_000_000), min_size=1, max_size=30),
    missed=st.sampled_from(MISSED),
)
def test_whatever_the_clock_does_ticks_only_go_forward(
    when: When, looks: list[int], missed: str
) -> None:
    """The way of a schedule: what is due is run, and the next is the one after now."""
    now, ran = BEGIN, [0]
    next_ms = when.next_after(now)
    for step in looks:
        now += step
        assert next_ms is not None
        ticks = due(when, missed, next_ms, now)  # type: ignore[arg-type]
        assert ticks == sorted(set(ticks))
        assert all(ran[-1] < tick <= now for tick in ticks)
        ran += ticks
        if next_ms <= now:
            next_ms = when.next_after(now)
    if missed == "all" and len(all_between(when, BEGIN + 1, max(ran))) < MOST_MISSED:
        assert ran[1:] == all_between(when, BEGIN + 1, max(ran))


# Mistakes


@pytest.mark.parametrize(
    ("expression", "field", "allowed"),
    [
        ("60 * * * *", "cron.minute", "0-59"),
        ("* 24 * * *", "cron.hour", "0-23"),
        ("* * 0 * *", "cron.day-of-month", "1-31, L or LW"),
        ("* * * 13 *", "cron.month", "1-12 or JAN-DEC"),
        ("* * * FOO *", "cron.month", "1-12 or JAN-DEC"),
        ("* * * * 8", "cron.day-of-week", "0-7 or SUN-SAT"),
        ("* * * * MON#6", "cron.day-of-week", "5L or MON#2"),
        ("*/0 * * * *", "cron.minute", "steps */5"),
        ("5-1 * * * *", "cron.minute", "ranges 1-5"),
        ("1#5 * * * *", "cron.minute", "0-59"),
        ("0 0 ٣ * *", "cron.day-of-month", "1-31"),
        ("0 0 30 2 *", "cron.day-of-month", "a day that the months have"),
        ("* * */20 * 1L", "cron", "one that some day fits"),
        ("* * * *", "cron", "give five fields: minute hour day-of-month month day-of-week"),
        ("0 * * * * *", "cron", "five fields"),
        ("@daily", "cron", "five fields"),
        ("", "cron", "five fields"),
        (None, "cron", "five fields"),
    ],
)
def test_wrong_expressions(expression: str, field: str, allowed: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Cron(expression)
    assert error.value.field == field
    assert allowed in error.value.allowed


@pytest.mark.parametrize(
    "zone", ["Asia/Tokio", "America", "../etc/passwd", "/etc/localtime", "", 3, []]
)
def test_wrong_zones(zone: str) -> None:
    with pytest.raises(InvalidInput, match="give an IANA time zone, such as Asia/Tokyo"):
        Cron("* * * * *", zone)


def test_the_nearest_zone_is_named() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'Asia/Tokyo'"):
        Cron("* * * * *", "Asia/Tokio")


@pytest.mark.parametrize(
    "seconds", [0, 0.5, -1, 366 * 86_400, "60", None, True, float("nan"), 1.0001]
)
def test_wrong_intervals(seconds: float) -> None:
    with pytest.raises(InvalidInput, match=r"^every: "):
        Every(seconds)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("when", {"when": "0 9 * * *"}), ("missed", {"missed": "never"}), ("overlap", {"overlap": 0})],
)
def test_wrong_schedules(field: str, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        Schedule(**{"when": Every(60), **wrong})  # type: ignore[arg-type]
