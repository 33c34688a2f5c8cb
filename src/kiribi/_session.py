"""A manager on an event loop in a thread of its own, for callers that have no loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from kiribi.errors import NotSupported, StoreUnavailable
from kiribi.manager import Kiribi

R = TypeVar("R")


class Session:
    """Open from construction to `close`; any thread may call.

    Raises:
        StoreError: what `connect` raises.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Kiribi]]) -> None:
        self._lock = threading.Lock()
        self._closed = False
        opened: Future[Kiribi] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(connect, opened), name="kiribi-blocking", daemon=True
        )
        self._thread.start()
        if (error := opened.exception()) is not None:
            self._thread.join()
            raise error
        self.kiribi = opened.result()

    def call(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Await `coroutine` on the session's loop; an interrupt of the caller cancels it there.

        Raises:
            NotSupported: the caller is code on that very loop, which waits for itself.
            StoreUnavailable: the session is closed, or was before the answer came.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise NotSupported(
                "a blocking call on the event loop that answers it: "
                "performers and hooks that are `async` await the manager itself"
            )
        with self._lock:
            if self._closed:
                coroutine.close()
                raise StoreUnavailable("the connection is closed")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise StoreUnavailable("the connection was closed before the answer came") from None
        except BaseException:
            future.cancel()
            raise

    def soon(self, do: Callable[[], object]) -> None:
        """Have something done on the session's loop, if it is open still."""
        with self._lock:
            if not self._closed:
                self._loop.call_soon_threadsafe(do)

    def close(self) -> None:
        """End the calls under way, and the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(
        self, connect: Callable[[], AbstractAsyncContextManager[Kiribi]], opened: Future[Kiribi]
    ) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve(connect, opened))

    async def _serve(
        self, connect: Callable[[], AbstractAsyncContextManager[Kiribi]], opened: Future[Kiribi]
    ) -> None:
        self._stop = asyncio.Event()
        try:
            async with connect() as kiribi:
                opened.set_result(kiribi)
                await self._stop.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)
