"""The one thread that writes: whoever comes while it is busy shares the next transaction.

A caller who is alone may write in its own thread, where that is known to be quick.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import apsw

from kiribi.errors import StoreUnavailable
from kiribi.stores._apsw import HELP, Patience, execute, explanation

MAX_GROUP = 256
"""Batches in one transaction: bounds how long other processes wait."""

CHECKPOINT_PAGES = 1000
"""Pages in the WAL after which it is copied into the database (SQLite's own default)."""
QUICK = 0.001
"""Seconds a commit may have taken lately for callers to write in their own thread."""

Work = Callable[[apsw.Cursor], Any]
Settled = list[tuple["_Request", Any, BaseException | None]]


@dataclass(slots=True, eq=False)
class _Request:
    work: Work
    durable: bool
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Writer:
    """Runs work on its connection, in its thread."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self._connection = connection
        self._cursor = connection.cursor()  # for all that is written: one a statement costs more
        self._path = path
        self._file = os.path.abspath(path)  # noqa: PTH100 - a Path takes twice as long to stat
        self._inode = _inode(self._file)
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._durable = True
        self._pages = 0
        self._pace = QUICK  # of the last commits, in seconds: not quick until shown
        self._turn = threading.Lock()
        self._patience = Patience()
        connection.set_busy_handler(self._patience)
        connection.set_wal_hook(self._grown)
        self._start()

    def submit(self, work: Work, *, durable: bool = True) -> asyncio.Future[Any]:
        """Have `work` done within a transaction; its answer, once that is committed.

        Durable: it survives a loss of power. Otherwise it may be undone by one, but only together
        with all that came after it.

        Raises:
            StoreUnavailable: the store is closed.
        """
        loop = asyncio.get_running_loop()
        request = _Request(work, durable, loop.create_future(), loop)
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._requests.put(request)
        return request.future

    def at_once(self, work: Work) -> Any | None:
        """Have `work` done in this thread, durably, if nobody and nothing is in the way.

        None: it was not done, because commits are slow here, another writes, or the WAL has to
        be copied.

        Raises:
            StoreUnavailable: it cannot be done.
        """
        if self._pace >= QUICK or not self._turn.acquire(blocking=False):
            return None
        try:
            if self._closed or self._pages >= CHECKPOINT_PAGES or not self._requests.empty():
                return None
            try:
                self._find_file()
                self._synchronise(durable=True)
                self._patience.hurry = True
                execute(self._cursor, "BEGIN IMMEDIATE")
            except apsw.BusyError:
                return None
            finally:
                self._patience.hurry = False
            try:
                answer = work(self._cursor)
                self._end()
            except BaseException as error:
                self._roll_back()
                if isinstance(error, apsw.Error | UnicodeDecodeError):
                    raise explanation(self._path, error) from error
                raise
            return answer
        finally:
            self._turn.release()

    def close(self) -> None:
        """Finish what was accepted, then end the thread and the connection. Blocks."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._requests.put(None)
        self._thread.join()
        self._connection.close()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="kiribi-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (request := self._requests.get()) is not None and self._serve(request):
            pass

    def _serve(self, request: _Request) -> bool:
        """Commit it with all who came meanwhile, then answer; False: there will be no more."""
        group = [request]
        last = False
        while len(group) < MAX_GROUP:
            try:
                more = self._requests.get_nowait()
            except Empty:
                break
            if more is None:
                last = True
                break
            group.append(more)
        with self._turn:
            settled = self._commit(group)
        _answer(settled)
        if self._pages >= CHECKPOINT_PAGES:
            self._checkpoint()
        return not last

    def _commit(self, group: Sequence[_Request]) -> Settled:
        try:
            self._find_file()
            self._synchronise(any(request.durable for request in group))
            execute(self._cursor, "BEGIN IMMEDIATE")
        except (apsw.Error, StoreUnavailable) as error:
            return [(request, None, explanation(self._path, error)) for request in group]
        try:
            answers = [request.work(self._cursor) for request in group]
            self._end()
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to who asked for it
            self._roll_back()
            if len(group) == 1:
                return [(group[0], None, explanation(self._path, error))]
            # only the guilty shall fail
            return [settled for request in group for settled in self._commit([request])]
        return [(request, answer, None) for request, answer in zip(group, answers, strict=True)]

    def _end(self) -> None:
        start = time.perf_counter()
        execute(self._cursor, "COMMIT")
        self._pace += (time.perf_counter() - start - self._pace) / 8

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        # After the answer: nobody waits for it. What stands in its way now, won't for ever.
        with self._turn, suppress(apsw.Error):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._pages = 0

    def _find_file(self) -> None:
        # SQLite would write on into a file that has no name any more, and is gone with us.
        if self._inode is not None and _inode(self._file) != self._inode:
            raise StoreUnavailable(
                f"database {self._path}: it was moved, removed or replaced while it was open; "
                f"stop everything and put it back: {HELP}"
            )

    def _synchronise(self, durable: bool) -> None:
        if durable is not self._durable:
            execute(self._cursor, f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _roll_back(self) -> None:
        # after some errors SQLite has done it already
        if self._connection.in_transaction:
            with suppress(apsw.Error):
                execute(self._cursor, "ROLLBACK")


def _inode(path: str) -> tuple[int, int] | None:
    """Which file a path names; None: none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _answer(settled: Settled) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, Settled] = {}
    for one in settled:
        by_loop.setdefault(one[0].loop, []).append(one)
    for loop, answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, answers)
        except RuntimeError:
            # the loop was closed: nobody waits any more
            continue


def _resolve(settled: Settled) -> None:
    for request, answer, error in settled:
        if request.future.done():
            continue
        if error is None:
            request.future.set_result(answer)
        else:
            request.future.set_exception(error)
