"""The end of a child process, with what only its parent can learn: how much memory it had."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading

from kiribi.job import Exit

UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`, in bytes."""


def reaped(process: subprocess.Popen[bytes]) -> asyncio.Future[Exit]:
    """Done when `process` has ended; nobody else may wait for it."""
    loop = asyncio.get_running_loop()
    exit: asyncio.Future[Exit] = loop.create_future()
    # It began as a copy of this process, and the kernel counts that as its own.
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def reap() -> Exit:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        known = usage.ru_maxrss > inherited
        return _exit(process.returncode, usage.ru_maxrss * UNIT if known else None)

    def in_thread() -> None:
        loop.call_soon_threadsafe(exit.set_result, reap())

    try:
        ended = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not on Linux
        threading.Thread(target=in_thread, name="kiribi-reaper", daemon=True).start()
        return exit

    def readable() -> None:
        loop.remove_reader(ended)
        os.close(ended)
        exit.set_result(reap())

    loop.add_reader(ended, readable)
    return exit


def _exit(code: int, peak_memory: int | None) -> Exit:
    if code >= 0:
        return Exit(code=code, peak_memory=peak_memory)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Exit(signal=name, peak_memory=peak_memory)
