"""`def perform`: in a thread, where a timeout is an exception raised between two bytecodes."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from typing import Any, cast

from kiribi._attempt import Running
from kiribi.errors import Cancel, KiribiTimeoutError
from kiribi.executors.blocking import BlockingAttempt
from kiribi.executors.coroutine import exceeded
from kiribi.executors.daemons import Daemons
from kiribi.performer import Performer


class Released(BaseException):
    """Raised in a thread whose job is handed back; not an Exception, so that code lets it pass."""


class ThreadExecutor:
    """One thread for each job at a time.

    A timeout or a stop raises in the thread; Python delivers it before the next bytecode, so a
    thread that is inside C code (or asleep) ends later, and holds its slot until it does.
    """

    def __init__(self) -> None:
        self._threads = Daemons("kiribi-performer")

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`."""
        loop = asyncio.get_running_loop()
        work = _Work(attempt, performer, payload)
        attempt.interrupt = lambda: work.throw(
            Cancel("cancelled while running") if attempt.stopping == "cancel" else Released()
        )
        if attempt.stopping:
            raise asyncio.CancelledError
        timer = (
            None
            if attempt.timeout is None
            else loop.call_later(attempt.timeout, work.throw, exceeded(attempt.timeout))
        )
        try:
            return await self._threads.run(work.perform)
        except Released:
            raise asyncio.CancelledError from None
        finally:
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Let go of the threads; those still running are left to their process's end."""
        self._threads.close()


class _Work:
    """One call of `perform` in a thread, into which an exception can be thrown."""

    def __init__(self, attempt: Running, performer: Performer, payload: Any) -> None:
        self._performer = performer
        self._payload = payload
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._thrown: BaseException | None = None
        performer.begin(BlockingAttempt(attempt, attempt.on_loop))

    def perform(self) -> Any:
        with self._lock:
            if self._thrown is not None:
                raise self._thrown
            self._thread = threading.get_ident()
        try:
            try:
                value = self._performer.perform(self._payload)
            finally:
                self._end()
        except BaseException as error:
            if self._thrown is not None and type(error) is type(self._thrown):
                # With its message: only a class can be thrown.
                raise self._thrown.with_traceback(error.__traceback__) from None
            raise
        late = cast("BaseException | None", self._thrown)  # throw() sets it from another thread
        if isinstance(late, KiribiTimeoutError):
            raise late  # it swallowed the exception and returned late
        return value

    def throw(self, error: BaseException) -> None:
        with self._lock:
            if self._thrown is None:
                self._thrown = error
                if self._thread is not None:
                    _raise_in(self._thread, type(error))

    def _end(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            if self._thrown is not None and thread is not None:
                _raise_in(thread, None)  # too late to arrive: take it back


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(error)
    )
