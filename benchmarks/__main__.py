"""`python -m benchmarks`: measure, show, keep the JSON; fails where a bar is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks import (
    drain,
    enqueue,
    footprint,
    history,
    latency,
    limits,
    page,
    peers,
    report,
    unique,
)
from benchmarks.bench import Bench, Figure
from benchmarks.postgres import groups as postgres
from benchmarks.postgres.peers import left_out, versions

GROUPS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "drain": drain.measure,
    "enqueue": enqueue.measure,
    "latency": latency.measure,
    "history": history.measure,
    "limits": limits.measure,
    "unique": unique.measure,
    "footprint": footprint.measure,
    "peers": peers.measure,
    **postgres.GROUPS,
}
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it still run?")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--repeat", type=int, default=7, help="measurements of each (default 7)")
    asked = parser.parse_args()

    console = Console(stderr=True, highlight=False)
    RESULTS.mkdir(exist_ok=True)
    start = time.monotonic()
    figures: dict[str, list[Figure]] = {}
    # beside the results, on a real disk: a temporary directory in memory would flatter everyone
    with (
        tempfile.TemporaryDirectory(dir=RESULTS) as directory,
        console.status("starting") as status,
    ):
        bench = Bench(Path(directory), status.update, repeat=asked.repeat)
        if asked.quick:
            bench = bench.quick()
        for name in asked.only:
            figures[name] = []
            for figure in GROUPS[name](bench):
                figures[name].append(figure)
                shown = report.number(figure.value, figure.unit)
                console.print(f"{time.monotonic() - start:5.0f} s  {figure.name}: {shown}")

    on_postgres = not postgres.GROUPS.keys().isdisjoint(asked.only)
    more = versions() if on_postgres else {}
    text = report.as_json(figures, more)
    kept = report.keep(text, RESULTS)
    if asked.page and not asked.quick:
        page.write(figures, more)
    missed = report.missed(figures)
    if asked.json:
        print(text)
    else:
        wide = max(Console().width, 130)  # a pipe has no width of its own
        Console(width=wide).print(report.table(figures, f"Kiribi · {kept}"))
    for name in missed:
        console.print(f"[red]missed:[/] {name.strip()}")
    for name in left_out() if on_postgres else []:
        console.print(f"left out, as it is not installed: {name}")
    return 1 if missed and not asked.quick else 0


sys.exit(main())
