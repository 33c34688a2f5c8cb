"""How many jobs go from `enqueue` to their end in a second, all on this machine's workerd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import Bar, Figure, median
from benchmarks.workers.sites import Site, kiribi, replay

WARM = 50
LEAST = 3
NOTE = "performed by a Worker in TypeScript, over RPC"
EACH, BULK = "20 callers, one by one", "in hundreds"


def measure(say: Callable[[str], None], jobs: int, repeat: int) -> Iterator[Figure]:
    """Ours over RPC beside the replay of npm kiribi, turn by turn; then ours in process."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        theirs: list[float] = []
        each: list[float] = []
        bulk: list[float] = []
        with replay(here / "replay") as npm, kiribi(here / "rpc", rpc=True) as ours:
            for site in (npm, ours):
                site.rate("each", WARM)
            npm.ask("call", "billed")
            for turn in range(repeat):
                say(f"throughput, {turn + 1} of {repeat}")
                theirs.append(npm.rate("each", jobs))
                each.append(ours.rate("each", jobs))
                bulk.append(ours.rate("bulk", jobs))
            billed = npm.ask("call", "billed")
        beside = Bar("npm kiribi", least=LEAST, beside=theirs)
        yield median(f"over RPC, enqueued {BULK}", bulk, "/s", beside, note=NOTE)
        yield median(f"over RPC, {EACH}", each, "/s", note=NOTE)
        yield median(f"npm kiribi replayed, {EACH}", theirs, "/s", note=f"{NOTE}; it has no bulk")
        for what in ("written", "read"):
            value = billed[what] / (jobs * repeat)
            yield Figure(f"npm kiribi replayed, rows {what} a job", value, "rows")
        yield Figure(
            "npm kiribi replayed, requests to D1 a job", billed["trips"] / (jobs * repeat), ""
        )
        with kiribi(here / "in process", rpc=False) as ours:
            ours.rate("each", WARM)
            yield _ours(say, ours, "bulk", BULK, jobs, repeat)
            yield _ours(say, ours, "each", EACH, jobs, repeat)


def _ours(
    say: Callable[[str], None], site: Site, how: str, named: str, jobs: int, repeat: int
) -> Figure:
    rates: list[float] = []
    for turn in range(repeat):
        say(f"in process, {named}, {turn + 1} of {repeat}")
        rates.append(site.rate(how, jobs))
    return median(f"in the manager's Worker, {named}", rates, "/s")
