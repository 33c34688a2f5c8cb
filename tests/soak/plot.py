"""The report of a soak: a picture, drawn by hand as those of `benchmarks.page` are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from tests.soak.samples import MB, Sample

WIDTH, LEFT, RIGHT, TOP, PANEL, GAP = 720, 70, 90, 40, 96, 44
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .axis { stroke: #afb8c1 }
polyline { fill: none; stroke-width: 1.5 } .a { stroke: #1f7a8c } .b { stroke: #c4622d }
.c { stroke: #8250df } text.a { fill: #1f7a8c; stroke: none } text.b { fill: #c4622d; stroke: none }
text.c { fill: #8250df; stroke: none } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 }
.axis { stroke: #6e7681 } .a { stroke: #4cc2d6 } .b { stroke: #f0883e } .c { stroke: #bc8cff }
text.a { fill: #4cc2d6 } text.b { fill: #f0883e } text.c { fill: #bc8cff } }
"""
Of = Callable[[Sample], float | None]
PANELS: tuple[tuple[str, tuple[tuple[str, Of], ...]], ...] = (
    (
        "Memory, MB",
        (
            ("worker", lambda one: one.memory and one.memory / MB),
            ("client", lambda one: one.client_memory and one.client_memory / MB),
        ),
    ),
    (
        "Open files",
        (("worker", lambda one: one.files), ("client", lambda one: one.client_files)),
    ),
    (
        "Database, MB",
        (
            ("file", lambda one: one.database and one.database / MB),
            ("WAL", lambda one: one.log and one.log / MB),
        ),
    ),
    (
        "Wait of jobs, ms",
        (
            ("p50", lambda one: one.waits and one.waits[0] * 1000),
            ("p95", lambda one: one.waits and one.waits[1] * 1000),
            ("p99", lambda one: one.waits and one.waits[2] * 1000),
        ),
    ),
    (
        "enqueue, ms",
        (
            ("p50", lambda one: one.calls and one.calls[0] * 1000),
            ("p95", lambda one: one.calls and one.calls[1] * 1000),
            ("p99", lambda one: one.calls and one.calls[2] * 1000),
        ),
    ),
)


def plot(title: str, samples: Sequence[Sample]) -> str:
    """The picture, as SVG: each figure over time, from nothing up to its greatest."""
    drawn: list[str] = []
    top = TOP
    for name, lines in PANELS:
        values = {word: [of(sample) for sample in samples] for word, of in lines}
        seen = [value for series in values.values() for value in series if value is not None]
        if seen:
            drawn.append(_panel(name, top, samples, values, max(*seen, 1.0)))
            top += PANEL + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" role="img"><title>{escape(title)}</title><style>{STYLE.strip()}</style>'
        f'<text x="0" y="16">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


def _panel(
    name: str,
    top: int,
    samples: Sequence[Sample],
    values: dict[str, list[float | None]],
    most: float,
) -> str:
    bottom = top + PANEL
    length = max(samples[-1].at, 1.0)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / length

    drawn = (
        f'<text x="0" y="{top - 8}">{escape(name)}</text>'
        f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{WIDTH - RIGHT}" y2="{bottom}"/>'
        f'<text x="{LEFT - 8}" y="{top + 5}" text-anchor="end">{most:,.4g}</text>'
        f'<text x="{LEFT - 8}" y="{bottom + 5}" text-anchor="end">0</text>'
        f'<text x="{WIDTH - RIGHT}" y="{bottom + 16}" text-anchor="end">'
        f"{length / 60:.1f} min</text>"
    )
    for place, (word, series) in enumerate(values.items()):
        points = " ".join(
            f"{x(sample.at):.1f},{bottom - PANEL * value / most:.1f}"
            for sample, value in zip(samples, series, strict=True)
            if value is not None
        )
        if points:
            shade = "abc"[place]
            drawn += (
                f'<polyline class="{shade}" points="{points}"/><text class="{shade}" '
                f'x="{WIDTH - RIGHT + 8}" y="{top + 5 + 18 * place}">{escape(word)}</text>'
            )
    return drawn
