"""`kiribi dev`: supervisor, API and dashboard in one process; its workers reload on save.

The application itself is only ever imported by children (the workers, and one that redacts what
REST shows), so that whatever is saved cannot break this process.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiribi.application import split
from kiribi.errors import InvalidApplication, KiribiError
from kiribi.manager import Kiribi
from kiribi.runtimes.logs import log_to_stderr
from kiribi.runtimes.member import NotStarted
from kiribi.runtimes.redactor import Redactor
from kiribi.runtimes.supervisor import Supervisor
from kiribi.web.server import serve

logger = logging.getLogger("kiribi")

GRACE_SECONDS = 5.0
"""How long running jobs may take to finish when their worker is replaced or stopped."""
TRAFFIC_SECONDS = 1.5
"""Between two jobs of the demo."""

Traffic = Iterator[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Site:
    """Where API and dashboard are served: as `web.server.serve` takes it."""

    host: str = "127.0.0.1"
    port: int | None = None
    token: str | None = None
    announce: Callable[[str], None] | None = None


async def dev(app: str, database: str, site: Site, *, traffic: Traffic | None = None) -> None:
    """Run everything until SIGINT or SIGTERM; a second signal ends running jobs at once.

    Args:
        app: APP as users write it.
        database: a database URL.
        traffic: (binding, payload) of jobs to enqueue steadily, for ever.

    Raises:
        InvalidApplication: there is no such file or module.
        InvalidInput: the address cannot be listened on.
        StoreError: the database cannot be used.
    """
    log_to_stderr()
    stop, saved = asyncio.Event(), asyncio.Event()
    crew = Crew(app, database, stop, saved)
    folder = folder_of(app)

    def hear() -> None:
        if stop.is_set():
            crew.kill()
            return
        logger.info("stopping: jobs have %g s to finish; a second signal ends them", GRACE_SECONDS)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear)
    try:
        async with Kiribi.connect(database, performers=()) as kiribi, asyncio.TaskGroup() as tasks:
            kiribi.redact = crew.redact
            serving = serve(
                kiribi,
                host=site.host,
                port=site.port,
                token=site.token,
                announce=site.announce,
                stop=stop,
            )
            tasks.create_task(serving)
            tasks.create_task(crew.work())
            tasks.create_task(watch(folder, stop, saved))
            if traffic is not None:
                tasks.create_task(enqueue_steadily(kiribi, traffic, stop))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


class Crew:
    """The workers: started anew whenever something was saved; the last good ones work on."""

    def __init__(self, app: str, database: str, stop: asyncio.Event, saved: asyncio.Event) -> None:
        self._app = app
        self._database = database
        self._stop = stop
        self._saved = saved
        self._supervisor: Supervisor | None = None
        self._redactor: Redactor | None = None

    def redact(self, binding: str, payload: Any) -> Any:
        """What the application lets be shown of a payload; nothing before it was loaded."""
        return None if self._redactor is None else self._redactor.redact(binding, payload)

    def kill(self) -> None:
        """End running jobs now; they are handed back."""
        if self._supervisor is not None:
            self._supervisor.kill()

    async def work(self) -> None:
        """Keep them until `stop` is set."""
        try:
            while not self._stop.is_set():
                self._saved.clear()
                try:
                    await self._renew()
                    await first(self._stop.wait(), self._saved.wait(), self._supervised())
                except NotStarted as error:
                    logger.error("%s", error)  # noqa: TRY400 # the message has it all
                    logger.info("waiting for the next save")
                    await first(self._stop.wait(), self._saved.wait())
        finally:
            await self._end()
            if self._redactor is not None:
                self._redactor.close()

    async def _renew(self) -> None:
        if self._supervisor is not None:
            await self._supervisor.restart(GRACE_SECONDS)
            await self._renew_redactor()
            logger.info("reloaded")
            return
        supervisor = Supervisor(self._app, self._database)
        await supervisor.start()
        self._supervisor = supervisor
        await self._renew_redactor()
        logger.info("the worker is ready")

    async def _renew_redactor(self) -> None:
        fresh = await asyncio.to_thread(Redactor.start, self._app)
        old, self._redactor = self._redactor, fresh
        if old is not None:
            old.close()

    async def _supervised(self) -> None:
        """Wait until the workers cannot go on.

        Raises:
            NotStarted: they die as they start.
        """
        assert self._supervisor is not None  # noqa: S101 # it has just been started
        try:
            await self._supervisor.wait()
        except NotStarted:
            await self._end()
            raise

    async def _end(self) -> None:
        if self._supervisor is not None:
            await self._supervisor.stop(GRACE_SECONDS)
            self._supervisor = None


async def first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them is done, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()


async def watch(folder: Path | None, stop: asyncio.Event, saved: asyncio.Event) -> None:
    """Set `saved` whenever a Python file below `folder` changes, until `stop`."""
    if folder is None:
        return
    # its stub leaves one of the kinds of events open
    from watchfiles import PythonFilter, awatch  # pyright: ignore[reportUnknownVariableType]

    try:
        async for changes in awatch(folder, watch_filter=PythonFilter(), stop_event=stop):
            names = sorted({Path(path).name for _, path in changes})
            logger.info("saved: %s", ", ".join(names))
            saved.set()
    except OSError as error:
        logger.warning("saves are not noticed: %s cannot be watched (%s)", folder, error)


async def enqueue_steadily(kiribi: Kiribi, traffic: Traffic, stop: asyncio.Event) -> None:
    """Enqueue a job now and then, until `stop`."""
    for binding, payload in traffic:
        try:
            await kiribi.enqueue(binding, payload)
        except KiribiError as error:
            logger.warning("no new job: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(TRAFFIC_SECONDS):
                await stop.wait()
                return


def folder_of(app: str) -> Path | None:
    """The folder whose changes mean APP has changed; None for what is installed with Kiribi.

    Nothing of APP is imported.

    Raises:
        InvalidApplication: there is no such file or module.
    """
    target, _ = split(app)
    path = Path(target)
    if path.suffix == ".py" or path.is_file():
        if not path.is_file():
            raise InvalidApplication("APP", app, "there is no such file")
        return path.resolve().parent
    top = target.partition(".")[0]
    if top == "kiribi":
        return None
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
    if spec is None or spec.origin is None:
        raise InvalidApplication("APP", app, "give a Python file, or a module that can be imported")
    return Path(spec.origin).parent
