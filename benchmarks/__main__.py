"""`python -m benchmarks`: measure, show, keep the JSON; fails where a bar is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks import drain, enqueue, footprint, history, latency, limits, page, peers, report
from benchmarks.bench import Bench, Figure

GROUPS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "drain": drain.measure,
    "enqueue": enqueue.measure,
    "latency": latency.measure,
    "history": history.measure,
    "limits": limits.measure,
    "footprint": footprint.measure,
    "peers": peers.measure,
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

    text = report.as_json(figures)
    kept = report.keep(text, RESULTS)
    if asked.page and not asked.quick:
        page.write(figures)
    missed = report.missed(figures)
    if asked.json:
        print(text)
    else:
        wide = max(Console().width, 130)  # a pipe has no width of its own
        Console(width=wide).print(report.table(figures, f"Kiribi on SQLite · {kept}"))
    for name in missed:
        console.print(f"[red]missed:[/] {name.strip()}")
    return 1 if missed and not asked.quick else 0


sys.exit(main())
