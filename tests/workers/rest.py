"""The REST API in workerd, for the cases of `tests/integration`: one Worker, several databases.

The path says which database a request is about, and which token the manager has; the test process
has a manager of its own on the same database, and performs.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
from base64 import urlsafe_b64encode
from collections.abc import Generator
from pathlib import Path

from tests.integration.rest_world import PERFORMERS, Mail, Manager, Served
from tests.workers.d1 import WORKER, Http, HttpDatabase
from tests.workers.dev import Dev, dev
from tests.workers.world import javascript_worker, python_worker

from kiribi.queues.local import LocalQueue
from kiribi.stores.d1 import D1Store

NUMBER = 4
"""Servers at a time."""
NO_TOKEN = "-"
DATABASES = [
    {"binding": name, "database_name": name, "database_id": name}
    for name in ("KIRIBI_DB", *(f"DB{i}" for i in range(NUMBER)))
]
ROUTER = (
    WORKER.replace("export default", "const d1 =")
    + """
export default {
  async fetch(request: Request, env: any) {
    const url = new URL(request.url);
    if (url.pathname === "/") return d1.fetch(request, env);
    const [, database, token, ...path] = url.pathname.split("/");
    const headers = new Headers(request.headers);
    headers.set("x-database", database);
    headers.set("x-token", token);
    const { method, body } = request;
    return env.KIRIBI.fetch(`${url.origin}/${path.join("/")}${url.search}`, {
      method, headers, body, redirect: "manual",
    });
  },
};
"""
)
ENTRY = """
import asyncio
from base64 import urlsafe_b64decode
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from kiribi import Kiribi, Performer
from kiribi.runtimes import rest
from kiribi.runtimes.javascript import BoundDatabase
from kiribi.web import throttle

throttle.FAILURES = 10_000  # as the cases have it
answer = rest.answer


async def chosen(kiribi, request, env):
    token = str(request.headers.get("x-token"))
    access = {"KIRIBI_OPEN": "1"}
    if token != "-":
        access = {"KIRIBI_TOKEN": urlsafe_b64decode(token).decode()}
    kiribi.store.database = BoundDatabase(getattr(env, str(request.headers.get("x-database"))))
    kiribi.platform = None  # nobody hears the queue here
    kiribi.store._known_bindings = set()  # it is emptied between the cases
    return await answer(kiribi, request, SimpleNamespace(**access))


rest.answer = chosen

"""


@contextlib.contextmanager
def rest_worker(folder: Path) -> Generator[Elsewhere]:
    """The running Worker."""
    classes = "\n\n".join(map(inspect.getsource, (Mail, *PERFORMERS, Manager)))
    entry = f"{ENTRY}{classes}\n\nclass Default(Manager): ...\n"
    queues = {"producers": [{"binding": "KIRIBI_QUEUE", "queue": "jobs"}]}  # nobody hears it
    config = {"name": "jobs", "d1_databases": DATABASES, "queues": queues}
    jobs = python_worker(folder / "jobs", config, entry, packages=True)
    kiribi = [{"binding": "KIRIBI", "service": "jobs"}]
    router = javascript_worker(folder / "router", "router", ROUTER, kiribi, d1_databases=DATABASES)
    with dev(router, jobs) as running, contextlib.closing(Http(running.url)) as http:
        yield Elsewhere(running, http)


class Elsewhere:
    """Makes servers as `Served` does."""

    def __init__(self, running: Dev, http: Http) -> None:
        self.running = running
        self.http = http
        self.free = [f"DB{i}" for i in range(NUMBER)]

    def __call__(self, _: Path, *, token: str | None = None) -> Served:
        return ServedByWorker(self, token)


class ServedByWorker(Served):
    """See `Served`: the API is in workerd; jobs are performed, and looked at, from here."""

    def __init__(self, worker: Elsewhere, token: str | None) -> None:
        super().__init__(Path())
        self._worker = worker
        self._token = NO_TOKEN if token is None else urlsafe_b64encode(token.encode()).decode()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        name = self._worker.free.pop()
        try:
            database = HttpDatabase(self._worker.http, name)
            await database.fresh()
            self.kiribi = Manager(None, os.environ)
            self.kiribi.bind(D1Store(database, name), LocalQueue(None), PERFORMERS)
            self._ready.put(f"{self._worker.running.url}/{name}/{self._token}/")
            await self._stop.wait()
            await self.kiribi.close()
        except Exception as error:
            self._ready.put(error)
        finally:
            self._worker.free.append(name)
