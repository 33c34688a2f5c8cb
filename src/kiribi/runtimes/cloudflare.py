"""The runtime on Cloudflare Workers: the platform calls, nothing loops.

Importing it makes managers and performers what the platform instantiates. A call from outside
reaches only what is put into its `Surface`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from inspect import isawaitable
from typing import Any, ClassVar, cast

from kiribi._platform import Entrypoint, made
from kiribi._version import __version__
from kiribi.errors import InvalidApplication, KiribiError
from kiribi.job import Job
from kiribi.manager import Kiribi
from kiribi.performer import Performer, performers_in
from kiribi.ports import Executor, WorkerInfo
from kiribi.queues.cloudflare import CloudflareQueue, jobs_in, stands_for_lost
from kiribi.runtimes.bound import ExportExecutor, performer_of
from kiribi.runtimes.elsewhere import answered, executor_of
from kiribi.runtimes.invocation import CONCURRENCY, LEASE_SECONDS, MOST_JOBS, Invocation
from kiribi.runtimes.javascript import (
    BoundDatabase,
    bindings_of,
    from_js,
    promised,
    text_of,
    to_json,
)
from kiribi.runtimes.remote import REMOTE, Remote
from kiribi.runtimes.visiting import Visiting
from kiribi.stores.d1 import D1Store

logger = logging.getLogger("kiribi")

DATABASE, QUEUE = "KIRIBI_DB", "KIRIBI_QUEUE"
"""The bindings of the manager."""
ACTING_SECONDS = 5.0
"""How long an invocation carries bulk actions out: D1 limits what one may ask."""
ACTING_AGAIN_SECONDS = 11.0
"""When another goes on: once the action is free again."""
NO_PERFORMERS = ("ASSETS", "KIRIBI")
"""Workers that are bound for something else."""

Methods = Mapping[str, Callable[..., Any]]


class Surface:
    """What the platform, and through it every caller, holds instead of an instance."""

    def __init__(self, methods: Methods) -> None:
        object.__setattr__(self, "_methods", methods)

    def __getattribute__(self, name: str) -> Any:
        methods: Methods = object.__getattribute__(self, "_methods")
        try:
            return methods[name]
        except KeyError:
            raise AttributeError(name) from None


def outside(cls: type[Any], ctx: Any, env: Any) -> Surface:
    """What the platform gets for `cls(ctx, env)`."""
    methods: Any = _manager if issubclass(cls, Kiribi) else _performer
    return Surface(methods(cls, ctx, env))


# The manager


class Isolate:
    """What lives as long as the isolate: plain data, and what `lifespan` gave."""

    known: ClassVar[set[str]] = set()
    apps: ClassVar[dict[type, Any]] = {}
    entering: ClassVar[set[type]] = set()
    began: ClassVar[int] = 0


def bound(cls: type[Kiribi], ctx: Any, env: Any) -> Kiribi:
    """A manager on its bindings, with the performers of its module and of bound Workers.

    Raises:
        InvalidApplication: a binding is missing.
    """
    kinds = bindings_of(env)
    for name, kind in ((DATABASE, "d1_databases"), (QUEUE, "queues.producers")):
        if name not in kinds:
            raise InvalidApplication("binding", name, f"add it to {kind} in wrangler.jsonc")
    queue = getattr(env, QUEUE)
    kiribi = made(cls, ctx, env)
    here = performers_in(_module(cls))
    there = [
        performer_of(name, getattr(env, name))
        for name, kind in kinds.items()
        if kind == "Fetcher" and name not in (*NO_PERFORMERS, *here)
    ]
    store = D1Store(BoundDatabase(getattr(env, DATABASE)), DATABASE, known=Isolate.known)

    async def send(messages: list[dict[str, Any]]) -> None:
        await queue.sendBatch(to_json(messages))

    bell = CloudflareQueue(send)
    visiting = Visiting(
        kiribi,
        lambda lease: Invocation(kiribi, store, _choice(kiribi, ctx), lease),
        lambda work: ctx.waitUntil(promised(work)),
        lambda: _enter(kiribi),
        bell.flush,
    )
    kiribi.bind(store, bell, [*here.values(), *there], visiting)
    Isolate.began = Isolate.began or time.time_ns() // 1_000_000
    served = tuple(sorted(kiribi.performers))
    lease = round(_lease(env) * 1000)
    kiribi.platform = WorkerInfo(
        "cloudflare", "cloudflare", 0, __version__, served, CONCURRENCY, Isolate.began, lease
    )
    return kiribi


def _manager(cls: type[Kiribi], ctx: Any, env: Any) -> Methods:
    async def fetch(request: Any) -> Any:
        kiribi = bound(cls, ctx, env)
        try:
            response = kiribi.on_request(request)
            if isawaitable(response):
                response = await response
            if response is not None:
                return response
            from kiribi.runtimes.rest import answer

            return await answer(kiribi, request, env)
        finally:
            await _doorbell(kiribi).flush()

    async def queue(batch: Any, *_: Any) -> None:
        kiribi = bound(cls, ctx, env)
        bodies = [from_js(message.body) for message in batch.messages]
        wanted = min(sum(map(jobs_in, bodies)), MOST_JOBS)
        lost = any(map(stands_for_lost, bodies))
        try:
            await _enter(kiribi)
            store = cast("D1Store", kiribi.store)  # `bound` sees to it
            visit = Invocation(kiribi, store, _choice(kiribi, ctx), _lease(env))
            claimed = await visit.run(wanted)
            if lost and claimed == wanted:
                _doorbell(kiribi).ring_again(claimed)
            # A ring that no job explains may be that of a bulk action.
            if not claimed and await kiribi.carry(ACTING_SECONDS):
                _doorbell(kiribi).ring((0, ACTING_AGAIN_SECONDS))
        finally:
            await _doorbell(kiribi).flush()
        batch.ackAll()

    async def scheduled(controller: Any, *_: Any) -> None:
        kiribi = bound(cls, ctx, env)
        try:
            await tick(kiribi, getattr(env, QUEUE))
            done = kiribi.on_schedule(str(controller.cron))
            if isawaitable(done):
                await done
        finally:
            await _doorbell(kiribi).flush()

    def remote(method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any) -> Any:
            kiribi = bound(cls, ctx, env)
            try:
                return await getattr(Remote(kiribi), method)(*args)
            except KiribiError as error:
                # A caller in JavaScript gets the traceback as the message: its last line is ours.
                raise error.with_traceback(None) from None
            finally:
                await _doorbell(kiribi).flush()

        return call

    called = {name: remote(method) for name, method in REMOTE.items()}
    return {**called, "fetch": fetch, "queue": queue, "scheduled": scheduled}


async def tick(kiribi: Kiribi, queue: Any) -> None:
    """Keep house, and ring for due jobs that no message stands for any more."""
    await kiribi.tick()
    if await kiribi.store.next_due(sorted(kiribi.performers)) != 0:
        return
    with suppress(Exception):  # where the platform doesn't say, we ring
        if (await queue.metrics()).backlogCount:
            return
    _doorbell(kiribi).ring_again(MOST_JOBS)


def _doorbell(kiribi: Kiribi) -> CloudflareQueue:
    return cast("CloudflareQueue", kiribi.queue)  # `bound` sees to it


async def _enter(kiribi: Kiribi) -> None:
    """Enter `lifespan` and make the performers known, once an isolate; it is never left."""
    cls = type(kiribi)
    # An event that another invocation sets would wake us in that one's name.
    while cls in Isolate.entering:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    if cls not in Isolate.apps:
        Isolate.entering.add(cls)
        try:
            await kiribi.register(sorted(kiribi.performers))
            Isolate.apps[cls] = await kiribi.lifespan().__aenter__()
        finally:
            Isolate.entering.discard(cls)
    kiribi.app = Isolate.apps[cls]


def _choice(kiribi: Kiribi, ctx: Any) -> Callable[[Job], Executor]:
    alone = ExportExecutor(ctx.exports)
    here = performers_in(_module(type(kiribi))).keys()

    def choose(job: Job) -> Executor:
        performer = kiribi.performers[job.binding]
        if job.binding in here and (performer.executor == "process" or job.crashes):
            return alone
        return executor_of(performer)

    return choose


def _lease(env: Any) -> float:
    given = text_of(env, "KIRIBI_LEASE_SECONDS")
    return LEASE_SECONDS if given is None else float(given)


def _module(cls: type) -> Any:
    import sys

    return sys.modules[cls.__module__]


# A performer that is called from another Worker


def _performer(cls: type[Performer], ctx: Any, env: Any) -> Methods:
    async def perform(payload: Any = None, context: Any = None) -> Any:
        if context is not None:
            return await answered(cls, ctx, env, payload, context)
        value = made(cls, ctx, env).perform(payload)
        return await value if isawaitable(value) else value

    def fetch(_: Any) -> Any:
        from workers import Response

        return Response("This is a performer of Kiribi")

    return {"perform": perform, "isPerformer": lambda: True, "fetch": fetch}


def _declare() -> None:
    """The platform learns from the classes which methods there are."""

    def declared(self: Any, *args: Any) -> Any:  # noqa: ARG001 - `Surface` has the real ones
        raise AssertionError

    for name in (*REMOTE, "fetch", "queue", "scheduled"):
        if not hasattr(Kiribi, name):
            setattr(Kiribi, name, declared)
    for name in ("isPerformer", "fetch"):
        setattr(Performer, name, declared)


Entrypoint.outside = outside
_declare()
