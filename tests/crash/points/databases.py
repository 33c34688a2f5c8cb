"""Where a process of a trial dies: at the statements of its database, one after the other.

A scenario knows nothing of it. Another store adds how its driver tells of statements, and how its
database is made anew.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Hit = Callable[[], None]


class Database(Protocol):
    """A database of a kind, made anew for each trial.

    Attributes:
        dialect: of its SQL.
    """

    dialect: str

    def fresh(self, number: int) -> str:
        """The URL of an empty one."""
        ...

    def watch(self, hit: Hit) -> None:
        """Have `hit` called at each statement of this process from now on."""
        ...

    def damage(self, url: str) -> list[str]:
        """What the database itself finds wrong with it."""
        ...

    def look(self, url: str, sql: str) -> Sequence[object]:
        """The only row of a query, which names tables as `{table}`."""
        ...

    def drop(self, url: str) -> None:
        """It is needed no more: hundreds of them would slow down the server they are on."""
        ...


class Sqlite:
    """Before each statement, and after each COMMIT, before anybody is told."""

    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self, number: int) -> str:
        """See `Database`."""
        return f"sqlite:///{self._folder}/{number}.db"

    def watch(self, hit: Hit) -> None:
        """See `Database`."""
        import apsw

        def before(_: object, sql: str, __: object) -> bool:
            if not sql.lstrip().startswith("PRAGMA"):  # the doorbell looks all the time
                hit()
            return True

        def after(ended: Any) -> None:
            if ended["sql"] == "COMMIT":
                hit()

        def connected(connection: apsw.Connection) -> None:
            connection.exec_trace = before
            connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, after)

        apsw.connection_hooks.append(connected)

    def damage(self, url: str) -> list[str]:
        """See `Database`."""
        import apsw

        connection = apsw.Connection(url.removeprefix("sqlite:///"))
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        connection.close()
        return [] if said == ["ok"] else said

    def look(self, url: str, sql: str) -> Sequence[object]:
        """See `Database`."""
        import apsw

        connection = apsw.Connection(url.removeprefix("sqlite:///"))
        ((*row,),) = connection.execute(re.sub(r"[{}]", "", sql))
        connection.close()
        return row

    def drop(self, url: str) -> None:
        """See `Database`."""
        Path(url.removeprefix("sqlite:///")).unlink()


class Postgres:
    """Before each statement, and once what it did is there to stay, before anybody is told.

    The server goes on; it undoes what a client that dies had begun. A schema for each trial.
    """

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        self._url = url

    def fresh(self, number: int) -> str:
        """See `Database`."""
        parts = urlsplit(self._url)
        schema = f"points_{number}_{secrets.token_hex(4)}"
        query = urlencode(dict(parse_qsl(parts.query)) | {"schema": schema})
        return urlunsplit(parts._replace(query=query))

    def watch(self, hit: Hit) -> None:
        """See `Database`."""
        import asyncpg

        def watched(method: Any) -> Any:
            async def around(connection: asyncpg.Connection, *args: Any, **kwargs: Any) -> Any:
                hit()
                answer = await method(connection, *args, **kwargs)
                if not connection.is_in_transaction():
                    hit()
                return answer

            return around

        for name in ("execute", "fetch", "fetchrow", "fetchval"):
            setattr(asyncpg.Connection, name, watched(getattr(asyncpg.Connection, name)))

    def damage(self, url: str) -> list[str]:
        """See `Database`. Nothing can be wrong there but what was stored."""
        return []

    def look(self, url: str, sql: str) -> Sequence[object]:
        """See `Database`."""
        import psycopg

        asked = re.sub(r"{(\w+)}", rf"{_schema(url)}.\1", sql)
        with psycopg.connect(self._url) as connection:
            (row,) = connection.execute(asked.encode()).fetchall()
        return row

    def drop(self, url: str) -> None:
        """See `Database`."""
        import psycopg

        with psycopg.connect(self._url, options="-c client_min_messages=warning") as connection:
            connection.execute(f"DROP SCHEMA {_schema(url)} CASCADE".encode())


def _schema(url: str) -> str:
    return dict(parse_qsl(urlsplit(url).query))["schema"]


class Fuse:
    """Kills this process at its `n`-th hit, once it is lit; else counts them."""

    def __init__(self, n: int) -> None:
        self._left = n
        self._lit = False
        self.hits = 0

    def light(self) -> None:
        """Begin to count."""
        self._lit = True

    def hit(self) -> None:
        """Count; the last one is the end."""
        if not self._lit:
            return
        self.hits += 1
        if self.hits == self._left:
            os.kill(os.getpid(), signal.SIGKILL)
