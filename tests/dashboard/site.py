"""The real server on a real SQLite file, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from kiribi import Kiribi, Performer
from kiribi.web import create_app
from kiribi.web.server import listen, serve

T = TypeVar("T")
SECONDS = 20


class Site:
    """A dashboard somebody can open, and a manager to seed it with; a context manager.

    Args:
        database: the SQLite file.
        prefix: mounts the application there in another one.
        performers: known to the manager.
        options: of `create_app`.
    """

    def __init__(
        self,
        database: Path,
        *,
        prefix: str = "",
        performers: Iterable[type[Performer]] = (),
        **options: Any,
    ) -> None:
        self.database = database
        self._prefix = prefix
        self._performers = tuple(performers)
        self._options = options
        self._port: int | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open = contextlib.AsyncExitStack()
        self.kiribi = self.run(self._connect)
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.stop()
            self.run(self._open.aclose)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(SECONDS)
        self._loop.close()

    def run(self, work: Callable[..., Awaitable[T]], *args: Any, **options: Any) -> T:
        """The outcome of `work(*args)` in the server's loop."""

        async def call() -> T:
            return await work(*args, **options)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(SECONDS)

    def start(self) -> None:
        """Serve; on the same port as before, if it did before."""
        self.run(self._start)

    def stop(self) -> None:
        """Stop serving; what is stored stays."""
        self.run(self._stop_serving)

    async def _connect(self) -> Kiribi:
        connection = Kiribi.connect(f"sqlite:///{self.database}", performers=self._performers)
        return await self._open.enter_async_context(connection)

    async def _start(self) -> None:
        started = asyncio.Event()
        self._stop = asyncio.Event()
        self._serving = asyncio.ensure_future(self._serve(started))
        waiting = asyncio.ensure_future(started.wait())
        await asyncio.wait({self._serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            waiting.cancel()
            await self._serving

    async def _serve(self, started: asyncio.Event) -> None:
        def announce(url: str) -> None:
            self.url = url
            self._port = int(url.rstrip("/").rpartition(":")[2])
            started.set()

        if self._prefix:
            await self._serve_mounted(announce)
        else:
            await serve(
                self.kiribi, port=self._port, announce=announce, stop=self._stop, **self._options
            )

    async def _serve_mounted(self, announce: Callable[[str], None]) -> None:
        inner = create_app(self.kiribi, **self._options)
        outer = Starlette(routes=[Mount(self._prefix, inner)])
        config = uvicorn.Config(outer, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        listening = listen("127.0.0.1", self._port)
        # a server outside the main thread installs no signal handlers
        serving = asyncio.ensure_future(server.serve([listening]))
        announce(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        self.url += self._prefix.strip("/") + "/"
        await self._stop.wait()
        inner.state.events.close()
        server.should_exit = True
        await serving

    async def _stop_serving(self) -> None:
        self._stop.set()
        await self._serving
