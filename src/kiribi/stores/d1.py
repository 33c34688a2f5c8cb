"""The D1 store: SQLite behind a service, on the statements of the SQLite store.

Each call is one request with one statement or one batch. An answer may be lost after the work was
done, so every write is such that carrying it out again changes nothing more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from kiribi.errors import SchemaMismatch, StoreError, StoreUnavailable
from kiribi.stores._batches import Batch
from kiribi.stores._d1_statements import statements
from kiribi.stores._lost_answers import LostAnswers
from kiribi.stores._rows import Params, Row, as_text, dumps
from kiribi.stores._sql_store import CONFLICTS
from kiribi.stores._statements import known_version, migrations

logger = logging.getLogger("kiribi")

MAX_PAYLOAD_BYTES = 900_000
"""A payload is a text in a JSON parameter, where escaping may double it: 2 MB is D1's limit."""
MAX_PARAMETER_BYTES = 1_900_000
WRONG = ("SQLITE_", "D1_TYPE_ERROR", "D1_COLUMN_NOTFOUND")
"""What D1 says of a statement that it will never carry out. Anything else is worth another try, and
does no harm: the work may have been done, and the answer lost."""
OVERLOADED = ("overloaded", "Too many requests queued", "Too Many Requests")
"""What D1 says when trying again at once makes it worse."""
AGAIN = {"append_log": "append_log_again"}
"""Statements that another try needs in another form."""
TRIES = 6
FIRST_PAUSE, FIRST_PAUSE_OVERLOADED = 0.05, 0.5
"""Seconds before the second try; then twice as long each time."""
APPLY = "apply them: `wrangler d1 migrations apply`"


class D1Error(StoreError):
    """What D1 answered instead of rows."""


class Database(Protocol):
    """A D1 database, however it is reached."""

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        """Carry out statements as one transaction; the rows of each.

        Raises:
            D1Error: with D1's own message.
        """
        ...


class D1Store(LostAnswers):
    """Jobs in a D1 database whose migrations wrangler applies.

    Args:
        name: how errors and `url` call it.
        clock: stands in for D1's own, epoch milliseconds: for tests.
        known: bindings that need not be made known again; grows.
    """

    def __init__(
        self,
        database: Database,
        name: str = "",
        *,
        clock: Callable[[], int] | None = None,
        known: set[str] | None = None,
    ) -> None:
        super().__init__(clock)
        self.database = database
        self._name = name
        if known is not None:
            self._known_bindings = known

    @property
    def url(self) -> str:
        """See `ports.Store`."""
        return f"d1://{self._name}"

    @property
    def max_payload_bytes(self) -> int:
        """See `ports.Store`."""
        return MAX_PAYLOAD_BYTES

    async def migrate(self) -> int:
        """Make sure that the schema is this version's; wrangler brings it there.

        Raises:
            SchemaMismatch: it is newer, or lacks migrations.
        """
        ((version,),) = await self._rows("schema_version")
        missing = len(migrations("sqlite")) - known_version(
            "sqlite", version, f"{self.url}: its schema"
        )
        if missing:
            raise SchemaMismatch(f"{self.url}: its schema lacks {missing}; {APPLY}")
        return 0

    async def close(self) -> None:
        """See `ports.Store`. A binding has nothing to let go of."""

    def _trying(self) -> _Writing:
        return _Writing(self)

    async def _write(self, batch: Batch, *, durable: bool = True) -> list[list[Row]]:
        del durable  # all of it is
        return await _Writing(self)(batch)

    async def _read(self, batch: Batch) -> list[list[Row]]:
        return await _Writing(self)(batch)

    async def carry_out(self, batch: Batch) -> list[list[Row]]:
        """One try. A statement whose parameter is too long is carried out in parts."""
        now = None if self._clock is None else self._clock()
        parts: list[tuple[str, Params]] = []
        counts: list[int] = []
        for name, params in batch:
            several = list(_parts(as_text(params)))
            steps = statements(name)
            counts.append(len(steps) * len(several))
            parts += [
                (one.text, (now, *part)[: one.parameters]) for one in steps for part in several
            ]
        try:
            answers = iter(await self.database.batch(parts))
        except D1Error as error:
            raise _explained(error, self.url) from None
        return [[row for _ in range(count) for row in next(answers)] for count in counts]


class _Writing:
    """Tries a batch until it is carried out; `repeated`: an earlier try may have been, too."""

    def __init__(self, store: D1Store) -> None:
        self._store = store
        self.repeated = False

    async def __call__(self, batch: Batch) -> list[list[Row]]:
        for again in range(TRIES):
            try:
                return await self._store.carry_out(batch)
            except D1Error as error:
                overloaded = any(text in str(error) for text in OVERLOADED)
                if again == TRIES - 1 or any(text in str(error) for text in WRONG):
                    raise StoreUnavailable(f"{self._store.url}: {error}") from error
                pause = FIRST_PAUSE_OVERLOADED if overloaded else FIRST_PAUSE
                pause *= 2**again * random.uniform(0.5, 1)  # noqa: S311 - jitter
                logger.warning("D1, trying again in %.2f s: %s", pause, error)
                self.repeated = True
                batch = [(AGAIN.get(name, name), params) for name, params in batch]
                await asyncio.sleep(pause)
        raise AssertionError


def _parts(params: Params) -> Iterator[Params]:
    """Parameters as they are, or their one list, too long for D1, in halves and so on."""
    if len(params) == 1 and isinstance(params[0], str) and _too_long(params[0]):
        rows: list[Any] = json.loads(params[0])
        if len(rows) > 1:
            for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                yield from _parts((dumps(half),))
            return
    yield params


def _too_long(text: str) -> bool:
    if len(text) * 4 <= MAX_PARAMETER_BYTES:
        return False
    return len(text) > MAX_PARAMETER_BYTES or len(text.encode()) > MAX_PARAMETER_BYTES


def _explained(error: D1Error, url: str) -> Exception:
    message = str(error)
    for name, conflict in CONFLICTS.items():
        if name in message:
            return conflict()
    if "no such table" in message or "no such column" in message:
        return SchemaMismatch(f"{url}: its schema lacks migrations ({message}); {APPLY}")
    return error
