"""`python -m benchmarks.workers`: on workerd, beside a replay of npm kiribi's statements."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from tests.workers import toolchain

from benchmarks import report
from benchmarks.bench import Figure
from benchmarks.workers import cost, start, throughput
from benchmarks.workers.sizes import Sizes

RESULTS = Path(__file__).parents[1] / "results"
GROUPS: Mapping[str, Callable[[Sizes, Callable[[str], None]], Iterator[Figure]]] = {
    "cost": cost.measure,
    "throughput": throughput.measure,
    "start": start.measure,
}


def main() -> int:
    """Run; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it still run?")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--jobs", type=int, default=2_000, help="of each measurement (2000)")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each (3)")
    asked = parser.parse_args()
    sizes = Sizes.QUICK if asked.quick else Sizes(asked.jobs, asked.repeat)

    toolchain.ready()
    RESULTS.mkdir(exist_ok=True)
    began = time.monotonic()
    figures: dict[str, list[Figure]] = {}
    console = Console(stderr=True, highlight=False)
    with console.status("starting workerd") as status:
        for name in asked.only:
            figures[name] = []
            for figure in GROUPS[name](sizes, status.update):
                figures[name].append(figure)
                shown = report.number(figure.value, figure.unit)
                console.print(f"{time.monotonic() - began:5.0f} s  {figure.name}: {shown}")

    pins = json.loads((toolchain.PINS / "package.json").read_text("utf-8"))["dependencies"]
    text = report.as_json(figures, pins)
    kept = report.keep(text, RESULTS)
    missed = report.missed(figures)
    if asked.json:
        print(text)
    else:
        wide = max(Console().width, 130)
        Console(width=wide).print(report.table(figures, f"Kiribi on workerd · {kept}"))
    for name in missed:
        console.print(f"[red]missed:[/] {name}")
    return 1 if missed and not asked.quick else 0


sys.exit(main())
