"""docs/benchmarks.md and its pictures, from the figures of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from benchmarks import peers, report
from benchmarks.bench import Figure
from benchmarks.postgres import groups as postgres
from benchmarks.report import MACHINE, Figures, judged, number, versions

DOCS = Path(__file__).parent.parent / "docs"
PLOTS = {
    "drain": "Waiting jobs worked off, by one worker process",
    "enqueue": "Jobs enqueued, one by one, each durable",
    "start": "Until an idle worker in another process starts a job, median",
}
"""By the first word of the peers' figures."""
GROUPS = {
    "drain": "Working off",
    "enqueue": "Enqueueing",
    "latency": "Starting",
    "history": "Beside a million finished jobs",
    "limits": "Limits",
    "unique": "Unique keys",
    "footprint": "Footprint",
    "peers": "Beside others",
    **postgres.HEADINGS,
}
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .kiribi { fill: #1f7a8c }
.peer { fill: #afb8c1 } @media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .kiribi { fill: #4cc2d6 } .peer { fill: #6e7681 } }
"""
WIDTH, NAMES, ROW = 720, 150, 26


def write(figures: Figures, more: Mapping[str, str] | None = None) -> None:
    """Write the page and the pictures; `more`: versions of what is not always used."""
    plots = {what: _of(figures.get("peers", ()), what) for what in PLOTS}
    for what, bars in plots.items():
        if bars:
            svg = plot(PLOTS[what], bars)
            (DOCS / "images" / f"benchmark-{what}.svg").write_text(svg, "utf-8")
    (DOCS / "benchmarks.md").write_text(
        "\n".join(_page(figures, plots, more or {})) + "\n", "utf-8"
    )


def plot(title: str, bars: Sequence[tuple[str, str, float]]) -> str:
    """Bars beside each other: (name, text, length)."""
    longest = max(length for _, _, length in bars)
    drawn = [
        f'<rect class="{"kiribi" if name == "Kiribi" else "peer"}" x="{NAMES}" '
        f'y="{34 + place * ROW}" height="{ROW - 8}" rx="2" '
        f'width="{max(1.0, (WIDTH - NAMES - 110) * length / longest):.1f}"/>'
        f'<text x="{NAMES - 8}" y="{48 + place * ROW}" text-anchor="end">{escape(name)}</text>'
        f'<text x="{NAMES + 8 + (WIDTH - NAMES - 110) * length / longest:.1f}" '
        f'y="{48 + place * ROW}">{escape(text)}</text>'
        for place, (name, text, length) in enumerate(bars)
    ]
    height = 40 + ROW * len(bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img"><title>{escape(title)}</title>'
        f'<style>{STYLE.strip()}</style><text x="0" y="16">{escape(title)}</text>'
        f"{''.join(drawn)}</svg>\n"
    )


def _of(figures: Sequence[Figure], what: str) -> list[tuple[str, str, float]]:
    """The bars of a plot, the best first."""
    bars = [
        (figure.name.removeprefix(f"{what}: "), number(figure.value, figure.unit), figure.value)
        for figure in figures
        if figure.name.startswith(f"{what}: ")
    ]
    return sorted(bars, key=lambda bar: bar[2], reverse=what != "start")


def _page(
    figures: Figures,
    plots: dict[str, list[tuple[str, str, float]]],
    more: Mapping[str, str],
) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield (
        "Written by `make bench` (`python -m benchmarks --page`); edits here are lost. "
        f"{datetime.now(UTC):%Y-%m-%d}, {MACHINE['cores']} cores, {MACHINE['processor']}, "
        f"{MACHINE['system']}; "
        + ", ".join(f"{name} {text}" for name, text in {**versions(), **more}.items())
        + "."
    )
    yield ""
    yield (
        "Everybody works turn by turn on the same machine, with one worker process, tasks that do "
        "nothing, each job synced to disk before its call returns, results kept. A figure is the "
        "median of its turns. Absolute numbers are this machine's; ratios travel better."
    )
    for what, bars in plots.items():
        if bars:
            yield ""
            yield f"![{PLOTS[what]}](images/benchmark-{what}.svg)"
    for group, told in figures.items():
        yield ""
        yield f"## {GROUPS[group]}"
        yield ""
        if group == "peers":
            yield from _settings(told)
        if group == next((name for name in figures if name in postgres.GROUPS), None):
            yield from postgres.settings()
        yield "| | figure | bar | measured | |"
        yield "|---|--:|---|--:|---|"
        for figure in told:
            for place, bar in enumerate(figure.bars or [None]):
                name, shown = (figure.name.strip(), number(figure.value, figure.unit))
                text, measured, verdict = judged(figure, bar)
                verdict = re.sub(r"\[.*?\]", "", verdict)
                first = f"{name} | {shown}" if place == 0 else " | "
                yield f"| {first} | {text} | {measured} | {verdict or figure.note} |"
    missed = report.missed(figures)
    if missed:
        yield ""
        yield f"Bars that this run missed: {', '.join(name.strip() for name in missed)}."


def _settings(told: Sequence[Figure]) -> Iterator[str]:
    measured = {figure.name.partition(": ")[2] for figure in told}
    yield "Each at the best settings found here:"
    yield ""
    for name, peer in peers.PEERS.items():
        if name in measured:
            share = "" if peer.share == 1 else f"; over {peer.share:.0%} of the jobs"
            yield f"- **{name}**: {peer.settings}{share}"
    yield ""
