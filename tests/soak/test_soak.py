"""A steady load while workers come and go: nothing grows, nothing slows down, nothing is lost."""

from __future__ import annotations

import asyncio
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.postgres.server import served
from tests.soak.__main__ import judged
from tests.soak.plot import PANELS, plot
from tests.soak.samples import LATER, MB, SIZES, Sample, broken
from tests.soak.soak import Plan, soak

SHORT = Plan(seconds=15, rate=20, every=0.5, visit=4)
LONG = Plan(seconds=1_800, rate=50, every=5, visit=20)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty one, of each kind that workers can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/jobs.db"
    else:
        with served(tmp_path) as url:
            yield url


def test_nothing_grows_and_nothing_is_lost(database: str, tmp_path: Path) -> None:
    outcome = asyncio.run(soak(database, tmp_path, SHORT))
    assert judged(outcome) == []
    assert outcome.visits
    assert len(outcome.samples) > 10
    assert broken(outcome.samples, SIZES) == []


@pytest.mark.long
@pytest.mark.timeout(2_400)
def test_for_half_an_hour(database: str, tmp_path: Path) -> None:
    outcome = asyncio.run(soak(database, tmp_path, LONG))
    folder = Path(os.environ.get("KIRIBI_SOAK_PLOTS", tmp_path))
    picture = folder / f"soak-{database.partition(':')[0]}.svg"
    title = f"{outcome.accepted:,} jobs; {outcome.visits} workers came and went"
    picture.write_text(plot(title, outcome.samples), "utf-8")
    print(f"the picture: {picture}")
    assert judged(outcome) == []
    assert broken(outcome.samples, (*SIZES, *LATER)) == []


STEADY = [
    Sample(at, 100 * MB, 40, 80 * MB, 20, MB, 9 * MB, (0.01, 0.02, 0.1), (0.01, 0.01, 0.05), 5)
    for at in range(40)
]


def test_what_stays_is_flat() -> None:
    assert broken(STEADY, (*SIZES, *LATER)) == []
    # what happens while it warms up, and now and then, is not growth
    warm = [replace(one, memory=900 * MB) if one.at < 10 else one for one in STEADY]
    assert broken(warm, SIZES) == []
    peak = [replace(one, log=60 * MB) if one.at == 30 else one for one in STEADY]
    assert broken(peak, SIZES) == []


@pytest.mark.parametrize(
    ("leak", "said"),
    [
        (
            lambda one: replace(one, memory=one.memory + int(one.at) * 6 * MB),
            "memory of the worker",
        ),
        (lambda one: replace(one, client_memory=int(80 + one.at * 6) * MB), "memory of who"),
        (lambda one: replace(one, files=40 + 2 * int(one.at)), "open files of the worker"),
        (lambda one: replace(one, log=int(one.at) * MB), "write-ahead log"),
        (lambda one: replace(one, database=int(one.at + 1) * MB), "database"),
        (lambda one: replace(one, waits=(0.01, 0.02, one.at)), "wait, 99th"),
        (lambda one: replace(one, calls=(one.at / 10, 1, 1)), "enqueue, 50th"),
        (lambda one: replace(one, open=int(one.at) * 20), "open jobs"),
    ],
)
def test_what_grows_is_seen(leak: Callable[[Sample], Sample], said: str) -> None:
    (found,) = broken([leak(one) for one in STEADY], (*SIZES, *LATER))
    assert found.startswith(said)


def test_the_picture() -> None:
    drawn = ET.fromstring(plot("a < b", STEADY))
    lines = drawn.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == sum(len(series) for _, series in PANELS)
    assert all(len(line.attrib["points"].split()) == len(STEADY) for line in lines)
    without = [replace(one, log=None, database=None) for one in STEADY]
    assert "Database" not in plot("elsewhere", without)
