"""A whole site that goes wrong at will: D1, messages on their way, performers.

The manager's own code is what it is elsewhere. Its D1 binding is wrapped, as its queue is, where
`cloudflare.bound` takes them from `env`; what it sends goes to another queue, from which `post`, a
Worker in TypeScript, forwards it, or does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.workers.dev import Dev, dev
from tests.workers.world import (
    CALLER,
    CONSUMER,
    DATABASE,
    call,
    javascript_worker,
    manager,
    migrate,
)

ENTRY = """
import asyncio
from control import Control
from kiribi import Kiribi, Performer, Snooze

class Add(Performer):
    async def perform(self, payload):
        return payload

class Flaky(Performer):
    retry_delay = 0
    async def perform(self, payload):
        if self.job.attempts == 1:
            raise ValueError(payload)
        if self.job.attempts == 2:
            raise Snooze(1)
        self.log("third time lucky")
        return await self.once("step", lambda key: payload)

class Own(Performer):
    executor = "process"
    async def perform(self, payload):
        return payload

class Sleeps(Performer):
    async def perform(self, payload):
        await asyncio.sleep(payload)

class Few(Performer):
    concurrency = 1
    async def perform(self, payload):
        await asyncio.sleep(0.05)

class Default(Kiribi): ...
"""

CONTROL = '''
import random

import js
from workers import WorkerEntrypoint

from kiribi.runtimes import cloudflare, invocation
from kiribi.stores._d1_statements import statements

SAID = (
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: D1 DB reset because its code was updated.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
)
NAMES = ("insert_jobs", "apply_changes", "forget_worker")
TEXTS = {statements(name)[0].text: name for name in NAMES}


class State:
    """rate: of D1's requests that fail, half of them after they were carried out."""
    random = None  # an isolate has no entropy while it starts
    rate = 0.0
    refuses = False
    failed = 0
    rows_written = 0
    batches = {name: 0 for name in NAMES}
    asked = set()


class Database:
    def __init__(self, real):
        self._real = real

    def prepare(self, sql):
        State.asked.add(TEXTS.get(sql))
        return self._real.prepare(sql)

    async def batch(self, prepared):
        asked = State.asked - {None}
        State.asked.clear()
        fails = State.rate and State.random.random() < State.rate
        if fails and State.random.random() < 0.5:
            await self._fail()
        answers = await self._real.batch(prepared)
        written = sum(int(one.meta.rows_written) for one in answers)
        State.rows_written += written
        for name in asked:
            State.batches[name] += written > 0
        if fails:
            await self._fail()
        return answers

    async def _fail(self):
        State.failed += 1
        await js.Promise.reject(js.Error.new(State.random.choice(SAID)))


def refusing(send):
    async def maybe(messages):
        if State.refuses:
            raise OSError("the queue takes no messages")
        await send(messages)

    return maybe


bound_database, bound_queue = cloudflare.BoundDatabase, cloudflare.CloudflareQueue
cloudflare.BoundDatabase = lambda binding: bound_database(Database(binding))
cloudflare.CloudflareQueue = lambda send: bound_queue(refusing(send))


class Control(WorkerEntrypoint):
    async def d1(self, rate, seed=0):
        State.random = random.Random(seed)
        State.rate = rate

    async def refuse(self, refuses):
        State.refuses = refuses

    async def times(self, start, end):
        invocation.START_SECONDS, invocation.END_SECONDS = start, end

    async def told(self):
        told = {"failed": State.failed, "written": State.rows_written, "batches": State.batches}
        State.failed = State.rows_written = 0
        State.batches = dict.fromkeys(NAMES, 0)
        return told
'''

POST = """
import { WorkerEntrypoint } from "cloudflare:workers";

let rates = { lost: 0, doubled: 0, late: 0 };
let seen = 0;
let state = 1;

// mulberry32
function chance(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

export class Post extends WorkerEntrypoint {
  set(given: typeof rates, seed: number) { rates = given; state = seed; }
  seen() { return seen; }
}

export default {
  async queue(batch: any, env: any) {
    for (const { body } of batch.messages) {
      seen += 1;
      if (chance() < rates.lost) continue;
      const delaySeconds = chance() < rates.late ? 3 : 0;
      const messages = [{ body, delaySeconds }];
      if (chance() < rates.doubled) messages.push({ body, delaySeconds: 0 });
      await env.OUT.sendBatch(messages);
    }
  },
};
"""

PERFORMERS = """
import { WorkerEntrypoint } from "cloudflare:workers";

export class Far extends WorkerEntrypoint {
  async perform(payload: any, context: any) {
    await context.progress(0.5, "half");
    return payload;
  }
}

// its isolate's work is torn down in the middle, the first time
export class Crashes extends WorkerEntrypoint {
  async perform(payload: any, context: any) {
    if (context.job.attempts === 1) {
      this.ctx.abort(new Error("out of memory"));
      await new Promise(() => {});
    }
    return payload;
  }
}

// never answers, and nothing is left that could make it
export class Hangs extends WorkerEntrypoint {
  async perform() { await new Promise(() => {}); }
}

export default { fetch() { return new Response("") } };
"""
LEASE = 30


class Site:
    """The manager among what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state"
        services = [
            {"binding": name, "service": "performers", "entrypoint": name.title()}
            for name in ("FAR", "CRASHES", "HANGS")
        ]
        jobs = manager(
            folder / "jobs",
            ENTRY,
            services=services,
            variables={"KIRIBI_LEASE_SECONDS": str(LEASE)},
            queues={
                "producers": [{"binding": "KIRIBI_QUEUE", "queue": "sent"}],
                "consumers": [
                    {**CONSUMER, "queue": "jobs", "dead_letter_queue": "dead"},
                    {**CONSUMER, "queue": "dead"},
                ],
            },
        )
        (folder / "jobs" / "src" / "control.py").write_text(CONTROL, "utf-8")
        migrate(folder / "jobs", self._state)
        post = javascript_worker(
            folder / "post",
            "post",
            POST,
            queues={
                "producers": [{"binding": "OUT", "queue": "jobs"}],
                "consumers": [{**CONSUMER, "queue": "sent"}],
            },
        )
        caller = javascript_worker(
            folder / "caller",
            "caller",
            CALLER,
            [
                {"binding": "KIRIBI", "service": "jobs"},
                {"binding": "CONTROL", "service": "jobs", "entrypoint": "Control"},
                {"binding": "POST", "service": "post", "entrypoint": "Post"},
            ],
            d1_databases=[DATABASE],
            queues={"producers": [{"binding": "DEAD", "queue": "dead"}]},
        )
        performers = javascript_worker(folder / "performers", "performers", PERFORMERS)
        self._configs = (caller, jobs, post, performers)

    def run(self) -> AbstractContextManager[Dev]:
        return dev(*self._configs, state=self._state)


def control(running: Dev, method: str, *args: Any) -> Any:
    """Tell the manager's Worker what is to go wrong, or ask what it wrote."""
    return call(running, "$bound", "CONTROL", method, *args)


def post(running: Dev, method: str, *args: Any) -> Any:
    """Tell what is to become of messages, or ask how many there were."""
    return call(running, "$bound", "POST", method, *args)


def rows(running: Dev, sql: str) -> Sequence[Any]:
    """What D1 holds."""
    return call(running, "$rows", sql)
