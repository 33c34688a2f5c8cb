"""A project as `kiribi init` would make it, with performers in Workers of their own."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.workers import toolchain
from tests.workers.dev import PYTHON_FLAGS, Dev, project, until, wrangler

SOURCE = Path(__file__).parents[2] / "src" / "kiribi"
MIGRATIONS = str(files("kiribi.stores").joinpath("sql", "sqlite", "migrations"))
DATABASE = {
    "binding": "KIRIBI_DB",
    "database_name": "jobs",
    "database_id": "jobs",
    "migrations_dir": MIGRATIONS,
}

CONSUMER = {"max_batch_size": 10, "max_batch_timeout": 0, "max_retries": 100}
QUEUES = {
    "producers": [{"binding": "KIRIBI_QUEUE", "queue": "jobs"}],
    "consumers": [{"queue": "jobs", **CONSUMER}],
}


def python_worker(
    folder: Path,
    config: Mapping[str, Any],
    entry: str,
    *,
    packages: bool = False,
) -> Path:
    """A Python Worker that vendors this Kiribi (and with `packages`, what REST needs)."""
    vendor(folder, packages=packages)
    flags = {"main": "src/entry.py", "compatibility_flags": PYTHON_FLAGS}
    return project(folder, {**flags, **config}, {"src/entry.py": entry})


def vendor(folder: Path, *, packages: bool) -> None:
    """What `pywrangler` would fetch from the Pyodide package index, from what is pinned here."""
    vendored = folder / "python_modules"
    shutil.copytree(
        SOURCE,
        vendored / "kiribi",
        ignore=shutil.ignore_patterns("static", "__pycache__", "cli", "testing.py"),
    )
    if packages:
        shutil.copytree(toolchain.MODULES, vendored, dirs_exist_ok=True)
    else:
        for path in toolchain.MODULES.glob("*workers*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, vendored / path.name)


def manager(
    folder: Path,
    entry: str,
    *,
    services: Sequence[Mapping[str, str]] = (),
    variables: Mapping[str, str] | None = None,
    queues: Mapping[str, Any] | None = None,
    packages: bool = False,
) -> Path:
    """The Worker with the manager, `jobs`; its tables are there."""
    config = {
        "name": "jobs",
        "d1_databases": [DATABASE],
        "queues": queues or QUEUES,
        "services": list(services),
        "vars": dict(variables or {}),
    }
    return python_worker(folder, config, entry, packages=packages)


def migrate(folder: Path, state: Path) -> None:
    """Apply the migrations as the documentation says."""
    wrangler("d1", "migrations", "apply", "jobs", "--local", "--persist-to", str(state), cwd=folder)


def javascript_worker(
    folder: Path, name: str, source: str, services: Sequence[Mapping[str, str]] = (), **config: Any
) -> Path:
    """A Worker in TypeScript."""
    config = {"name": name, "main": "src/index.ts", "services": list(services), **config}
    return project(folder, config, {"src/index.ts": source})


CALLER = """
const platform: Record<string, (env: any, ...args: any[]) => any> = {
  // what Cloudflare itself calls
  $scheduled: (env, cron) => env.KIRIBI.scheduled({ cron, scheduledTime: new Date() }),
  $queue: (env, bodies) => env.KIRIBI_QUEUE.sendBatch(bodies.map((body: unknown) => ({ body }))),
  async $fetch(env, method, path, body, headers) {
    const response = await env.KIRIBI.fetch(`http://jobs.example.com${path}`, {
      method,
      headers: body === null ? headers : { "content-type": "application/json", ...headers },
      body: body === null ? undefined : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  },
  $bound: (env, name, method, ...args) => env[name][method](...args),
  $dated: (env, binding, at) => env.KIRIBI.enqueue(binding, { at: [new Date(at)] }),
  $rows: async (env, sql) => (await env.KIRIBI_DB.prepare(sql).all()).results,
};

export default {
  // POST [method, ...arguments]: what the manager answered
  async fetch(request: Request, env: any) {
    const [method, ...args] = await request.json() as any[];
    try {
      const answer = method in platform
        ? await platform[method](env, ...args)
        : await env.KIRIBI[method](...args);
      return Response.json({ answer, dates: dates(answer) });
    } catch (error: any) {
      return Response.json({ error: { name: error.name, message: error.message } });
    }
  },
};

function dates(answer: any): string[] {
  if (answer === null || typeof answer !== "object") return [];
  return Object.keys(answer).filter((key) => answer[key] instanceof Date);
}
"""


def call(running: Dev, method: str, *args: Any) -> Any:
    """Call the manager through the TypeScript Worker `CALLER`.

    Raises:
        RemoteError: it threw.
    """
    told = ask(running, [method, *args])
    if "error" in told:
        raise RemoteError(told["error"]["name"], told["error"]["message"])
    return told.get("answer")


def ended(running: Dev, id: str, seconds: float = 30) -> dict[str, Any]:
    """The job, once it has ended."""

    def look() -> dict[str, Any] | None:
        job = call(running, "find", id)
        return job if job["status"] in ("COMPLETED", "FAILED", "CANCELLED") else None

    return until(look, seconds, running.log[-4000:])


class RemoteError(Exception):
    """What a caller in TypeScript caught: name and message."""


def ask(running: Dev, asked: Any) -> Any:
    """POST to the first Worker."""
    request = urllib.request.Request(running.url, json.dumps(asked).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
