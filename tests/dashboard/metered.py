"""A dashboard on D1 in workerd, which says how many rows each answer has read."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, Request
from tests.dashboard.site import Site
from tests.workers.d1 import HttpDatabase

from kiribi import Kiribi
from kiribi.queues.local import LocalQueue
from kiribi.stores._rows import Params
from kiribi.stores.d1 import D1Store


class Asked(NamedTuple):
    """A request to the API: its path with the query, and its body."""

    method: str
    path: str
    body: str | None


class MeteredSite(Site):
    """The real server on D1: what the database bills for an answer is what it read for it."""

    def __init__(self, database: HttpDatabase, **options: Any) -> None:
        self._d1 = database
        super().__init__(Path(database.name), **options)  # no such file: its data is in D1

    async def _connect(self) -> Kiribi:
        await self._d1.fresh()
        kiribi = Kiribi(None, {})
        kiribi.bind(D1Store(self._d1), LocalQueue(None), self._performers)
        return kiribi

    def fill(self, statements: Sequence[tuple[str, Params]]) -> None:
        """Carry out what puts jobs into it."""
        asyncio.run(self._d1.batch(statements))

    async def one(self, status: str) -> str:
        """The newest job of this status; its id."""
        page = await self.kiribi.find_many({"status": status}, limit=1)
        return page.jobs[0].id

    def rows_read(self, asked: Asked) -> int:
        """Rows read for one answer, while nobody else asks."""
        self._d1.metas.clear()
        if asked.path == "pulse":
            self.run(self.kiribi.pulse)  # the server keeps its answer for a second
        else:
            data = None if asked.body is None else asked.body.encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(
                f"{self.url}api/{asked.path}", data, headers, method=asked.method
            )
            with urllib.request.urlopen(request) as answer:
                json.load(answer)
        return sum(meta["rows_read"] for meta in self._d1.metas)


class Overheard:
    """What a page asks of the API, each thing once."""

    def __init__(self, page: Page) -> None:
        self.asked: dict[Asked, None] = {}
        page.on("request", self._hear)

    def _hear(self, request: Request) -> None:
        _, found, path = request.url.partition("/api/")
        if found and path != "events":
            self.asked[Asked(request.method, path, request.post_data)] = None
