"""How many jobs go from `enqueue` to their end in a second, all on this machine's workerd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import Bar, Figure, median
from benchmarks.workers.sites import kiribi, replay
from benchmarks.workers.sizes import Sizes

LEAST = 3
"""How many times npm kiribi's throughput ours has to be."""
NOTE = "performed by a Worker in TypeScript, over RPC"
EACH, BULK = "20 callers, one by one", "in hundreds"


def measure(sizes: Sizes, say: Callable[[str], None]) -> Iterator[Figure]:
    """Ours over RPC beside the replay of npm kiribi, turn by turn; then ours in process."""
    jobs, repeat = sizes.jobs, sizes.repeat
    with TemporaryDirectory() as folder:
        here = Path(folder)
        theirs: list[float] = []
        each: list[float] = []
        bulk: list[float] = []
        with replay(here / "replay") as npm, kiribi(here / "rpc", rpc=True) as ours:
            for site in (npm, ours):
                site.rate("each", sizes.warm)
            npm.ask("call", "billed")
            for turn in range(repeat):
                say(f"throughput, {turn + 1} of {repeat}")
                theirs.append(npm.rate("each", jobs))
                each.append(ours.rate("each", jobs))
                bulk.append(ours.rate("bulk", jobs))
            billed = npm.ask("call", "billed")
        beside = Bar("npm kiribi", least=LEAST, beside=theirs)
        yield median(f"over RPC, enqueued {BULK}", bulk, "/s", beside, note=NOTE)
        yield median(f"over RPC, {EACH}", each, "/s", beside, note=NOTE)
        yield median(f"npm kiribi replayed, {EACH}", theirs, "/s", note=f"{NOTE}; it has no bulk")
        for what in ("written", "read"):
            value = billed[what] / (jobs * repeat)
            yield Figure(f"npm kiribi replayed, rows {what} a job", value, "rows")
        trips = billed["trips"] / (jobs * repeat)
        yield Figure("npm kiribi replayed, requests to D1 a job", trips, "")
        with kiribi(here / "in process", rpc=False) as ours:
            ours.rate("each", sizes.warm)
            for how, named, over in (("bulk", BULK, bulk), ("each", EACH, each)):
                rates: list[float] = []
                for turn in range(repeat):
                    say(f"in process, {named}, {turn + 1} of {repeat}")
                    rates.append(ours.rate(how, jobs))
                more = Bar("over RPC", least=1, beside=over)
                yield median(f"in the manager's Worker, {named}", rates, "/s", more)
