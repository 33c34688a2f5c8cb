"""What errors say, and that they survive a trip to another process."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

import kiribi
from kiribi import (
    Conflict,
    IdConflict,
    IllegalTransition,
    InvalidDatabaseURL,
    InvalidInput,
    Job,
    JobCancelled,
    JobError,
    JobFailed,
    JobNotFound,
    KiribiError,
    KiribiTimeoutError,
    NotFinished,
    Retry,
    Snooze,
    StoreError,
    errors,
)
from kiribi.errors import shown, unknown_name

JOB = Job("01a22f7e-6b70-7d2e-939c-bad87ea01c93", "SEND_MAIL")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KiribiError(), "Something in Kiribi went wrong."),
        (StoreError(), "The store could not do it."),
        (StoreError("disk full"), "disk full"),
        (InvalidInput("at", 3, "give a time"), "at: 3 is not allowed; give a time"),
        (
            InvalidDatabaseURL("database", "x", "give a URL"),
            "database: 'x' is not allowed; give a URL",
        ),
        (JobNotFound("abc"), "job 'abc' does not exist (never enqueued, deleted or pruned)"),
        (
            IdConflict("abc"),
            "id: job 'abc' exists with another binding, payload or other options",
        ),
        (
            IllegalTransition("abc", "retry", "PENDING", "only ended jobs can be retried"),
            "cannot retry job 'abc': it is PENDING; only ended jobs can be retried",
        ),
        (NotFinished(JOB), f"job {JOB.id} (SEND_MAIL) is PENDING and lives on"),
        (
            JobFailed(JOB, JobError("ValueError", "boom")),
            f"job {JOB.id} (SEND_MAIL) failed: ValueError: boom",
        ),
        (JobCancelled(JOB), f"job {JOB.id} (SEND_MAIL) was cancelled"),
        (KiribiTimeoutError(), "The attempt exceeded its timeout."),
    ],
)
def test_says_what_happened_here_and_elsewhere(error: KiribiError, message: str) -> None:
    assert str(error) == message
    again = pickle.loads(pickle.dumps(error))  # what a process pool does to it
    assert (type(again), str(again), vars(again)) == (type(error), message, vars(error))


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidInput, ValueError),
        (JobNotFound, LookupError),
        (NotFinished, TimeoutError),
        (KiribiTimeoutError, TimeoutError),
        (IllegalTransition, Conflict),
        (InvalidDatabaseURL, StoreError),
    ],
)
def test_can_be_caught_as(error: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error, builtin)


def test_the_drawn_hierarchy_is_the_real_one() -> None:
    drawn = set(re.findall(r"^[│├└─ ]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)[1:])
    real = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert drawn == real
    assert real - {"Signal"} <= set(kiribi.__all__)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "5", True, 10**12])
def test_signals_check_their_delay_where_they_are_raised(seconds: float) -> None:
    with pytest.raises(InvalidInput, match=r"Snooze\.seconds"):
        Snooze(seconds)
    with pytest.raises(InvalidInput, match=r"Retry\.after"):
        Retry(after=seconds)


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_quotes_anything_in_few_words() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, "x" * 10**6, 10**5000, Rude(), list(range(10**6)), {"a": deep}):
        assert 0 < len(shown(value)) <= 80
    assert shown("short") == "'short'"


def test_names_the_nearest() -> None:
    error = unknown_name("options", "max_atempts", ["max_attempts", "timeout"])
    assert str(error) == (
        "options: 'max_atempts' is not allowed; "
        "did you mean 'max_attempts'? known are max_attempts, timeout"
    )
    assert "did you mean" not in str(unknown_name("options", "zzz", ["timeout"]))
