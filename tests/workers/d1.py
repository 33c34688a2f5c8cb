"""D1 in workerd for a test process: a Worker that carries out batches, and a driver for it."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.workers.dev import Dev, dev, project

from kiribi.stores._rows import Row
from kiribi.stores._search import Params
from kiribi.stores._statements import migrations
from kiribi.stores.d1 import D1Error

NUMBER = 4
"""Databases, used in turn."""
WORKER = """
export default {
  async fetch(request, env) {
    const { name, statements } = await request.json();
    const database = env[name];
    try {
      const answers = await database.batch(
        statements.map(([sql, params]) => database.prepare(sql).bind(...params)),
      );
      return Response.json({ answers });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
"""


@contextmanager
def d1_worker(folder: Path) -> Generator[Dev]:
    """The Worker with its databases DB0, DB1, …"""
    databases = [
        {"binding": f"DB{i}", "database_name": f"db{i}", "database_id": f"db{i}"}
        for i in range(NUMBER)
    ]
    config = {"name": "d1", "main": "index.js", "d1_databases": databases}
    with dev(project(folder, config, {"index.js": WORKER})) as running:
        yield running


class Http:
    """One kept connection for each thread that asks."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def ask(self, asked: Any) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._address)
            self._open.append(connection)
        body = json.dumps(asked)
        try:
            connection.request("POST", "/", body)
        except BrokenPipeError:
            # workerd has closed it, idle too long, and heard nothing of this: a new one
            connection.close()
            connection.request("POST", "/", body)
        return json.load(connection.getresponse())

    def close(self) -> None:
        for connection in self._open:
            connection.close()


class HttpDatabase:
    """See `stores.d1.Database`. `metas`: what D1 said of each statement carried out."""

    def __init__(self, http: Http, name: str) -> None:
        self._http = http
        self.name = name
        self.metas: list[dict[str, Any]] = []
        self.trips = 0

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        return await asyncio.to_thread(self._post, statements)

    def _post(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        self.trips += 1
        told = self._http.ask({"name": self.name, "statements": statements})
        if "error" in told:
            raise D1Error(told["error"])
        self.metas += [answer["meta"] for answer in told["answers"]]
        return [[list(row.values()) for row in answer["results"]] for answer in told["answers"]]

    async def fresh(self) -> None:
        """Empty, with this version's schema."""
        (made,) = await self.batch([(MADE, ())])
        drops = [(f'DROP {kind} "{name}"', ()) for kind, name in made]
        schema = [(sql, ()) for script in migrations("sqlite") for sql in statements_of(script)]
        await self.batch([("PRAGMA defer_foreign_keys = true", ()), *drops, *schema])


MADE = """SELECT type, name FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'
AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY type DESC"""


def databases(running: Dev) -> Generator[HttpDatabase]:
    """Its databases, over and over, until closed."""
    with closing(Http(running.url)) as http:
        for i in itertools.cycle(range(NUMBER)):
            yield HttpDatabase(http, f"DB{i}")


def statements_of(script: str) -> Iterator[str]:
    """The statements of a migration, one by one."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
