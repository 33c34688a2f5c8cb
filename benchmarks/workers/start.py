"""What a new Worker costs: its first request, its next, and what is uploaded."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.workers.dev import wrangler
from tests.workers.world import manager

from benchmarks.bench import Figure, median
from benchmarks.workers.sites import IN_PROCESS, Site, kiribi
from benchmarks.workers.sizes import Sizes

UPLOAD = re.compile(r"Total Upload: ([\d.]+) KiB / gzip: ([\d.]+) KiB")
NOTE = "wrangler dev makes no snapshot: all of Python starts, and imports"
QUERY = ("call", "count", {})
PULSE = ("rest", "/api/pulse")


def measure(sizes: Sizes, say: Callable[[str], None]) -> Iterator[Figure]:
    """Without and with REST; each first request in a new runtime."""
    for name, rest, asked in (("RPC", False, QUERY), ("REST", True, PULSE)):
        first: list[float] = []
        next: list[float] = []
        for turn in range(sizes.repeat):
            say(f"new Workers, {name}, {turn + 1} of {sizes.repeat}")
            with (
                TemporaryDirectory() as folder,
                kiribi(Path(folder) / "site", rpc=False, rest=rest) as site,
            ):
                first.append(_asked(site, *asked))
                next.append(min(_asked(site, *asked) for _ in range(10)))
        yield median(f"first request of a Worker, {name}", first, "ms", note=NOTE)
        yield median(f"a later request, {name}", next, "ms")
    for name, packages in (("the manager", False), ("with REST's packages", True)):
        raw, packed = _uploaded(packages=packages)
        yield Figure(f"uploaded, {name}", raw, "KiB", note=f"gzip: {packed:,.0f} KiB")


def _asked(site: Site, *asked: object) -> float:
    begun = time.perf_counter()
    site.ask(*asked)
    return (time.perf_counter() - begun) * 1000


def _uploaded(*, packages: bool) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        here = Path(folder) / "jobs"
        manager(here, IN_PROCESS, packages=packages)
        told = wrangler("deploy", "--dry-run", "--outdir", str(here / "out"), cwd=here)
    found = UPLOAD.search(told)
    assert found, told
    return float(found[1]), float(found[2])
