"""The PostgreSQL store inside somebody's transaction: the same statements, on his connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from kiribi.errors import SchemaMismatch, StoreUnavailable
from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.queues._subjects import Channels
from kiribi.stores._batches import Batch, Write
from kiribi.stores._borrowed import Borrowed, said
from kiribi.stores._postgres_statements import composed, prepared
from kiribi.stores._rows import Params, Row, dumps
from kiribi.stores._sql_store import CONFLICTS, SqlStore

R = TypeVar("R")
CHECKED = "23514"
"""What the database says of a refusal, and of a shelf that is not there."""
NO_TABLE = ("42P01", "3F000")
"""What it says of a table or a schema that is not there."""
LEFT_OUT = "lock_awaited"
"""Workers that end what new jobs wait for would wait for the commit. So they may overlook them, and
the next tick, which repairs that, lets them go."""


class Transacted(SqlStore):
    """See `ports.Within`. Where a batch may be refused, a savepoint keeps what the caller did.

    Args:
        connection: the caller's.
        url: of the store, as it may be shown.
        schema: where the tables are.
        clock: see `Batches`.
        known: bindings that need not be made known again.
        elsewhere: carries a batch out on another connection, at once.
    """

    def __init__(
        self,
        connection: Borrowed,
        *,
        url: str,
        schema: str,
        clock: Callable[[], int] | None,
        known: set[str],
        elsewhere: Write,
    ) -> None:
        super().__init__(clock)
        self._connection = connection
        self._url = url
        self._schema = schema
        self._known_bindings = known
        self._elsewhere = elsewhere

    @property
    def blocking(self) -> bool:
        """See `ports.Within`."""
        return self._connection.blocking

    async def prepare(self, jobs: Sequence[NewJob]) -> None:
        """See `ports.Within`.

        A binding made known within would have all others who name it wait for the commit; a job
        marked as awaited, its worker.
        """
        batch: list[tuple[str, Params]] = []
        bindings = {job.binding for job in jobs} - self._known_bindings
        if bindings:
            batch.append(("insert_bindings", (dumps(sorted(bindings)),)))
        if awaited := {id for job in jobs for id in job.after}:
            batch.append(("mark_awaited", (dumps(sorted(awaited)),)))
        if batch:
            await self._elsewhere(batch)
        self._known_bindings |= bindings

    async def store(self, steps: Sequence[Sequence[NewJob]]) -> list[Job]:
        """See `ports.Within`."""
        await self._connection.begun()
        if len(steps) == 1:
            return await self.insert(steps[0])
        return await self._saved(lambda: self._in_turn(steps))

    async def notify(self, bindings: Collection[str]) -> None:
        """See `ports.Within`. Whether anybody listens is not asked: he may by the commit."""
        told = Channels(self._schema).unasked(bindings)
        await self._connection.fetch("SELECT pg_notify($1::text, $2::text)", *told)

    def after_commit(self, ring: Callable[[], None]) -> None:
        """See `ports.Within`."""
        self._connection.after_commit(ring)

    async def _in_turn(self, steps: Sequence[Sequence[NewJob]]) -> list[Job]:
        return [job for step in steps for job in await self.insert(step)]

    async def _saved(self, work: Callable[[], Awaitable[R]]) -> R:
        """Do `work`, and if it fails, undo that and nothing else."""
        await self._connection.execute("SAVEPOINT kiribi")
        try:
            done = await work()
        except Exception:
            with suppress(*self._connection.errors):
                await self._connection.execute("ROLLBACK TO SAVEPOINT kiribi")
                await self._connection.execute("RELEASE SAVEPOINT kiribi")
            raise
        await self._connection.execute("RELEASE SAVEPOINT kiribi")
        return done

    async def _write(self, batch: Batch, *, durable: bool = True) -> list[list[Row]]:
        del durable  # the commit is the caller's
        may_be_refused = any(
            name.startswith("refuse_") or name == "apply_changes" for name, _ in batch
        )
        try:
            if may_be_refused:
                return await self._saved(lambda: self._carried_out(batch))
            return await self._carried_out(batch)
        except self._connection.errors as error:
            why = said(error)
            if why.code in NO_TABLE:
                raise SchemaMismatch(
                    f"transaction: its database lacks tables in the schema {self._schema} "
                    f"({why.message}); is it the one of {self._url}, and migrated?"
                ) from error
            if why.code != CHECKED:
                raise
            if conflict := CONFLICTS.get(why.constraint):
                raise conflict from None
            # no shelf: a tick makes it, and does then what this was about to do
            raise StoreUnavailable(f"database {self._url}: {why.message}") from error

    async def _read(self, batch: Batch) -> list[list[Row]]:
        return await self._write(batch)

    async def _time(self) -> int:
        """Delays count from the call, not from when the caller's transaction began."""
        if self._clock is not None:
            return self._clock()
        return (await self._connection.fetch(prepared("clock", self._schema).text))[0][0]

    async def _carried_out(self, batch: Batch) -> list[list[Row]]:
        now = await self._time()
        answers: list[list[Row]] = [[] for _ in batch]
        for asked in composed(batch, repeated=False):
            if asked.name == LEFT_OUT:
                continue
            one = prepared(asked.name, self._schema)
            arguments = (now, *asked.arguments) if one.timed else asked.arguments
            rows = await self._connection.fetch(one.text, *arguments)
            for place in asked.answers:
                answers[place] += rows
        return answers
