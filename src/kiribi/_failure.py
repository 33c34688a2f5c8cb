"""What went wrong, as it is stored: from the exception, or as another process told it."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType

from kiribi._origin import origin_of
from kiribi.errors import KiribiError, KiribiTimeoutError
from kiribi.job import Exit, JobError

MESSAGE_CHARACTERS = 2_000
TRACEBACK_CHARACTERS = 16_000

PACKAGE = Path(__file__).parent
OURS, EXECUTORS = f"{PACKAGE}{os.sep}", f"{PACKAGE / 'executors'}{os.sep}"


class Raised(KiribiError):
    """What the performer raised in its child process; `error` has its type and traceback."""

    def __init__(self, error: JobError) -> None:
        self.error = error
        super().__init__(f"{error.type}: {error.message}")


class Crashed(KiribiError):
    """The process that ran the attempt is gone; `error` says how."""

    def __init__(self, error: JobError) -> None:
        self.error = error
        super().__init__(error.message)


def described(error: BaseException, home: str = "") -> JobError:
    """An exception as it is stored: type, message, and the traceback from the user's code on.

    `home`: the performer's module.
    """
    told = error.__cause__ if isinstance(error.__cause__, Raised) else error
    if isinstance(told, Raised | Crashed):
        return told.error
    lines = traceback.format_exception(type(error), error, _from_user(error.__traceback__))
    try:
        message = str(error)
    except Exception as wrong:  # noqa: BLE001 - it is the user's class, and must not hide the error
        message = f"(its message cannot be shown: {type(wrong).__name__})"
    return JobError(
        type(error).__name__,
        message[:MESSAGE_CHARACTERS],
        "".join(lines)[-TRACEBACK_CHARACTERS:],
        # where the time ran out is chance
        "" if isinstance(error, KiribiTimeoutError) else origin_of(error.__traceback__, home),
    )


def hint(exit: Exit | None) -> str:
    """What else to say of a process that died; nothing if there is nothing."""
    if exit is None or exit.peak_memory is None:
        return ""
    memory = f"; it had used {exit.peak_memory / 1e6:,.0f} MB of memory"
    killed = ": the machine may have run out of it"
    return memory + (killed if exit.signal == "SIGKILL" else "")


def _from_user(tb: TracebackType | None) -> TracebackType | None:
    """Without our frames: those it begins with, and up to the executor's call of the performer."""
    user, leading = tb, True
    while tb is not None:
        file = tb.tb_frame.f_code.co_filename
        leading = leading and file.startswith(OURS)
        if leading or file.startswith(EXECUTORS):
            user = tb.tb_next
        tb = tb.tb_next
    return user
