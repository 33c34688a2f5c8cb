"""A pool tells the attempts of a job apart: the next may begin before the last is settled."""

from __future__ import annotations

from typing import Any, cast

from kiribi._attempt import Running, over
from kiribi.job import Job, new_id
from kiribi.runtimes.pool import Pool


def test_the_end_of_an_attempt_does_not_let_go_of_the_next() -> None:
    pool = Pool("coroutine", ("A",), 2)
    id = new_id()
    first, second = (
        Running(Job(id, "A", attempts=attempt), cast("Any", None), None) for attempt in (1, 2)
    )
    running = {id: first}
    pool.take(first)
    pool.release(first)
    pool.take(second)
    running[id] = second
    pool.settled([first.job])
    over(running, first.job)
    assert (list(pool.held), running) == ([id], {id: second})
    pool.release(second)
    pool.settled([second.job])
    over(running, second.job)
    assert (list(pool.held), running) == ([], {})
