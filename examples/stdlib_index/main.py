"""Index Python's standard library: enqueue a job a file, work, report from the job records.

python examples/stdlib_index/main.py [DATABASE]
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from app import IndexFile, Source, sources
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kiribi import Job, Kiribi
from kiribi.runtimes.worker import Worker

LOOK_SECONDS = 0.2
BAR = (TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

console = Console()


async def main(database: str) -> None:
    async with Kiribi.connect(database, performers=[IndexFile]) as kiribi:
        # What this run enqueues, and nothing of earlier ones
        run = {"binding": IndexFile.binding, "created_after": datetime.now(UTC)}
        jobs = await kiribi.enqueue_many((IndexFile, Source(path)) for path in sources())
        async with Worker(kiribi):
            await watch(kiribi, run, len(jobs))
        console.print(await report(kiribi, run))


async def watch(kiribi: Kiribi, run: dict[str, Any], total: int) -> None:
    open_ones = {**run, "status": ["PENDING", "PROCESSING", "RETRY_PENDING"]}
    with Progress(*BAR, console=console) as progress:
        task = progress.add_task("", total=total)
        while left := (await kiribi.count(open_ones)).value:
            progress.update(task, completed=total - left)
            await asyncio.sleep(LOOK_SECONDS)
        progress.update(task, completed=total)


async def report(kiribi: Kiribi, run: dict[str, Any]) -> Table:
    sums, reasons = Counter[str](), Counter[str]()
    longest: tuple[int, str, str] = (0, "", "")
    async for job in every(kiribi, run):
        sums[job.status] += 1
        if job.error is not None:
            reasons[job.error.message.partition(":")[0]] += 1
            continue
        result = job.result
        for name in ("lines", "classes", "functions"):
            sums[name] += result[name]
        longest = max(longest, (result["longest_lines"], result["longest"], job.payload["path"]))
    table = Table("", "Python's standard library", show_header=True)
    table.add_row("files indexed", f"{sums['COMPLETED']:,}")
    for reason, count in reasons.most_common():
        table.add_row("files that failed", f"{count:,} by {reason}")
    for name in ("lines", "classes", "functions"):
        table.add_row(name, f"{sums[name]:,}")
    table.add_row("longest function", "{1} in {2}, {0:,} lines".format(*longest))
    return table


async def every(kiribi: Kiribi, filter: dict[str, Any]) -> AsyncIterator[Job]:
    """Whole jobs: pages leave results out."""
    before = None
    while True:
        page = await kiribi.find_many(filter, before=before, limit=1_000)
        for job in page.jobs:
            whole = await kiribi.find(job.id)
            if whole is not None:
                yield whole
        before = page.next
        if before is None:
            return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sqlite:///stdlib-index.db"))
