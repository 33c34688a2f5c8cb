"""What Kiribi takes when it is loaded and when it has nothing to do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bar, Bench, Figure, median, until
from benchmarks.kiribi_side import fill, look, worker

HEAVY = ("apsw", "sqlite3", "asyncpg", "fastapi", "typer", "subprocess")
"""Modules that `import kiribi` must not load."""

IMPORT = f"""
import json, sys, time
start = time.perf_counter()
import kiribi
took = time.perf_counter() - start
print(json.dumps([took * 1000, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Memory after a drain, processor time while idle, and the import."""
    bench.say("importing kiribi")
    yield from _import(bench)
    path = bench.fresh()
    asyncio.run(fill(path, bench.jobs))
    bench.say(f"memory of a worker that drains {bench.jobs:,} jobs")
    with worker(path) as processes, look(path) as database:
        open_jobs = "SELECT count(*) FROM job WHERE open = 1"
        until(lambda: not database.execute(open_jobs).get, "all jobs have ended")
        child, supervisor = _peak_mb(processes.child), _peak_mb(processes.supervisor)
        yield Figure("peak memory, worker child", child, "MB", [Bar("", most=90)])
        yield Figure("peak memory, supervisor", supervisor, "MB", [Bar("", most=40)])
        bench.say(f"an idle worker, for {bench.idle_seconds:g} s")
        share = _share(processes.child, processes.supervisor, seconds=bench.idle_seconds)
        note = f"with its supervisor, over {bench.idle_seconds:g} s"
        yield Figure("idle worker, share of a core", share, "%", [Bar("", most=1)], note=note)


def _import(bench: Bench) -> Iterator[Figure]:
    took: list[float] = []
    loaded: list[str] = []
    for _ in range(2 * bench.repeat):
        run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True)
        milliseconds, loaded = json.loads(run.stdout)
        took.append(milliseconds)
    yield median("import kiribi", took, "ms", Bar("", most=60))
    note = "loaded: " + ", ".join(loaded) if loaded else "none of " + ", ".join(HEAVY)
    yield Figure("heavy modules it loads", len(loaded), "", [Bar("", most=0)], note=note)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1000


def _share(*pids: int, seconds: float) -> float:
    """The share of a core, in percent, that processes use."""
    before, start = sum(map(_cpu_seconds, pids)), time.monotonic()
    time.sleep(seconds)
    used = sum(map(_cpu_seconds, pids)) - before
    return 100 * used / (time.monotonic() - start)


def _cpu_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    fields = stat.rpartition(")")[2].split()  # from the third on; the name may hold spaces
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
