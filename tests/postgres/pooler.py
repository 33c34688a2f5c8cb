"""A PgBouncer in transaction mode of one's own: Debian's is older than 1.21, the hard case."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Self
from urllib.parse import unquote, urlsplit

import pytest

SECONDS = 20.0
SESSIONS = 4
"""Few, for many clients: each transaction meets another session than the one before."""

CONFIGURATION = """
[databases]
jobs = {database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 500
server_round_robin = 1
"""


def program() -> str:
    """Where it is; skips where it is nowhere."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("there is no pgbouncer here: apt-get install pgbouncer")
    return found


class Pooler:
    """Stands before a server while it is entered; `url` leads through it."""

    def __init__(self, server: str, sessions: int = SESSIONS) -> None:
        self._program = program()
        parts = urlsplit(server)
        where = {
            "host": parts.hostname,
            "port": parts.port or 5432,
            "dbname": parts.path[1:],
            "user": unquote(parts.username or "postgres"),
            "password": unquote(parts.password or ""),
        }
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._configuration = CONFIGURATION.format(
            database=" ".join(f"{name}={value}" for name, value in where.items() if value),
            port=self.port,
            sessions=sessions,
        )
        self.url = f"postgresql://anybody@127.0.0.1:{self.port}/jobs?pooler=transaction"

    def __enter__(self) -> Self:
        self._folder = Path(mkdtemp(prefix="kiribi-pooler-"))
        self._folder.chmod(0o755)
        file = self._folder / "pgbouncer.ini"
        file.write_text(self._configuration)
        # it refuses to run as root
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, *user, file], stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def log(self) -> str:
        """What it said."""
        return (self._folder / "log").read_text(errors="replace")[-4000:]
