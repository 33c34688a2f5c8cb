"""`python -m tests.crash.points SCENARIO`: killed at each point in turn, judged each time.

For each n the scenario runs in a process that dies at its n-th point; another finishes the work,
and says what is wrong. It ends with the first n that nobody dies at. Prints JSON, a line for each
trial. Processes are forked off this one, which has all modules and no threads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.crash.points import newer
from tests.crash.points.app import JOURNAL, Point, World
from tests.crash.points.databases import Database, Fuse, Postgres, Sqlite
from tests.crash.points.judge import judged
from tests.crash.points.scenarios import SCENARIOS, finish

import kiribi.queues.local
import kiribi.queues.postgres
import kiribi.stores.postgres
import kiribi.stores.sqlite  # noqa: F401 - loaded once, for all that are forked

SECONDS = 60
"""How long one process may take."""


def forked(work: Callable[[], object], said: Path) -> int:
    """How a process ended that did `work` (0, or minus a signal); errors are in `said`."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    signal.alarm(SECONDS)
    code = 0
    with said.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def trial(kind: Database, scenario: str, folder: Path, n: int) -> dict[str, object]:
    """What became of one that dies at its n-th point."""
    said, answer = folder / "said.txt", folder / "answer.json"
    os.environ[JOURNAL] = str(folder / f"{n}.journal")
    world = World(time.time_ns() // 1_000_000)
    fuse = Fuse(n)
    # in a process of its own, like all else: it may need a driver
    assert forked(lambda: answer.write_text(json.dumps(kind.fresh(n))), said) == 0, said.read_text()
    where = json.loads(answer.read_text())

    def dies() -> None:
        kind.watch(fuse.hit)
        Point.fuse.append(fuse.hit)
        asyncio.run(SCENARIOS[scenario](where, world, fuse.light))

    def finishes() -> None:
        asyncio.run(finish(where, world, scenario))
        wrong = asyncio.run(judged(where, world, scenario))
        if scenario == "upgrade":
            wrong += newer.told(kind.look(where, newer.LOOK), kind.dialect)
        wrong += kind.damage(where)
        if not wrong:
            kind.drop(where)
        answer.write_text(json.dumps(wrong))

    code = forked(dies, said)
    if code not in (0, -signal.SIGKILL):
        return {"n": n, "code": code, "wrong": [said.read_text()[-3000:]]}
    # the clock of the one that died stood still, or was later: the next is after both
    world.advance(5 * 86_400 if scenario == "tick" else 0)
    if forked(finishes, said) != 0:
        return {"n": n, "code": code, "wrong": [said.read_text()[-3000:]]}
    return {"n": n, "code": code, "wrong": json.loads(answer.read_text())}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.points", description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1, help="each point, or one in so many")
    parser.add_argument("--server", help="URL of a PostgreSQL database; else SQLite files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kind = Postgres(given.server) if given.server else Sqlite(Path(folder))
        n = given.first
        while True:
            found = trial(kind, given.scenario, Path(folder), n)
            print(json.dumps(found), flush=True)
            if found["wrong"] or found["code"] == 0:
                return int(bool(found["wrong"]))
            n += given.step


if __name__ == "__main__":
    sys.exit(main())
