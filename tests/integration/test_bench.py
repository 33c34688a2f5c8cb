"""The benchmarks run, and judge as they say. How fast it is, only `make bench` says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from benchmarks import page
from benchmarks.bench import Bar, Figure, percentile
from benchmarks.postgres.groups import GROUPS
from benchmarks.report import as_json, missed, number, table
from rich.console import Console

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("bar", "value", "kept"),
    [
        (Bar("", least=5), 5, True),
        (Bar("", least=5), 4.9, False),
        (Bar("", most=5), 5, True),
        (Bar("", most=5), 5.1, False),
    ],
)
def test_a_bar_is_kept_up_to_its_bound(bar: Bar, value: float, kept: bool) -> None:
    assert bar.kept(Figure("", value, "/s")) is kept


def test_a_ratio_is_judged_turn_by_turn() -> None:
    figure = Figure("", 20, "/s", samples=[10, 20, 90])
    bar = Bar("peer", least=2, beside=[5, 8, 60])
    assert bar.judged(figure) == 2
    assert bar.kept(figure)
    assert not Bar("peer", least=2.1, beside=[5, 8, 60]).kept(figure)


def test_a_figure_misses_if_any_of_its_bars_does() -> None:
    good = Figure("good", 7, "/s", [Bar("", least=5), Bar("", least=6)])
    bad = Figure("bad", 7, "/s", [Bar("", least=5), Bar("", least=8)])
    aside = Figure("aside", 0, "/s")
    assert missed({"group": [good, bad, aside]}) == ["bad"]
    passed = [
        one["passed"] for one in json.loads(as_json({"group": [good, bad, aside]}))["figures"]
    ]
    assert passed == [True, False, None]


def test_the_table_has_a_row_for_each_bar() -> None:
    bars = [Bar("Huey", least=10, beside=[4_000]), Bar("", most=1)]
    figure = Figure("drain", 41_000, "/s", bars, [41_000])
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table({"group": [figure]}, "figures"))
    shown = captured.get()
    assert "41,000/s" in shown
    assert "≥ 10 × Huey" in shown
    assert "10.25 ×" in shown
    assert (shown.count("pass"), shown.count("FAIL")) == (1, 1)


def test_numbers_have_three_digits() -> None:
    assert [number(n, "ms") for n in (0.123, 1.234, 12.34, 1234.5)] == [
        "0.12 ms",
        "1.23 ms",
        "12.3 ms",
        "1,234 ms",
    ]


def test_percentile() -> None:
    samples = [float(n) for n in range(100)]
    assert (percentile(samples, 0.5), percentile(samples, 0.99)) == (50, 99)
    assert percentile([3.0], 0.99) == 3


def test_the_page_shows_every_figure_and_draws_the_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    (tmp_path / "images").mkdir()
    ours = Figure("drain: Kiribi", 41_000, "/s", [Bar("<Huey>", least=5, beside=[4_000])], [41_000])
    page.write(
        {"peers": [ours, Figure("drain: Huey", 4_000, "/s"), Figure("start: Huey", 9, "ms")]}
    )
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| drain: Kiribi | 41,000/s | ≥ 5 × <Huey> | 10.25 × | pass |" in text
    assert "| start: Huey | 9.00 ms |" in text
    for what, bars in (("drain", 2), ("start", 1)):
        assert f"(images/benchmark-{what}.svg)" in text
        drawn = ElementTree.parse(tmp_path / "images" / f"benchmark-{what}.svg")
        assert len(drawn.findall(".//{*}rect")) == bars
    assert "benchmark-enqueue" not in text


def quick(*groups: str) -> dict[str, Any]:
    """The figures of a quick run."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", "--only", *groups]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return {one["name"].strip(): one for one in json.loads(done.stdout)["figures"]}


def test_a_quick_run_measures_every_row() -> None:
    figures = quick("drain", "enqueue", "latency", "history", "limits", "unique", "footprint")
    judged = [name for name, one in figures.items() if one["bars"]]
    assert len(judged) == 23
    assert all(one["value"] > 0 for one in figures.values() if one["unit"] not in ("", "%"))


def test_a_quick_run_measures_the_peers_at_hand() -> None:
    figures = quick("peers")
    for what in ("drain", "enqueue", "start"):
        assert {f"{what}: Kiribi", f"{what}: Huey"} <= figures.keys()
    assert all(one["value"] > 0 for one in figures.values())


ON_POSTGRESQL = {
    "pg-drain": ("drain of 2,000 waiting jobs", "the same, two worker processes"),
    "pg-enqueue": ("enqueue, one by one", "enqueue_many, 2,000"),
    "pg-start": ("start, p50", "start, p99"),
    "pg-wal": ("write-ahead log of a job",),
    "pg-limits": (
        *("drain of 2,000 jobs with keys", "claims of jobs with keys"),
        *("start behind 20,000 paused jobs, p99", "start behind 20,000 limited jobs, p99"),
        *("enqueue of unique jobs, one by one", "enqueue_many of 2,000 unique jobs"),
    ),
    "pg-history": ("drain beside 20,000 finished jobs",),
    "pg-pinned": ("slowest time beside the fastest, 20,000 jobs, a transaction open",),
    "pg-idle": ("drain with 5 idle workers listening",),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_quick_run_measures_every_row_on_postgresql(group: str) -> None:
    figures = quick(group)
    assert {f"PostgreSQL: {row}" for row in ON_POSTGRESQL[group]} <= figures.keys()
    assert all(one["value"] > 0 for one in figures.values())
