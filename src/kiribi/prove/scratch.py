"""A place of its own beside the user's database, which is not touched."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kiribi.errors import InvalidInput
from kiribi.stores import migrate, sqlite_path, without_password

FILE = (
    "give a SQLite file such as sqlite:///jobs.db, or postgresql://…: many processes have to share "
    "it"
)
FOLDER = "give a file in a folder that exists and can be written"


@dataclass(slots=True)
class Scratch:
    """A scratch database.

    Attributes:
        database: its URL.
        folder: with the journal and the logs in it, and the database if that is a file.
        keep: leave the folder there; `keep_schema`: also the schema, if it is one.
        schema: the schema of a PostgreSQL database that it is; else empty.
        name: how its connections call themselves there.
        ahead_ns: how far its clock is ahead of ours; `unsure_ns`: more or less.
    """

    database: str
    folder: Path
    keep: bool = False
    keep_schema: bool = False
    schema: str = ""
    name: str = ""
    ahead_ns: int = 0
    unsure_ns: int = 0


def scratch(database: str) -> AbstractContextManager[Scratch]:
    """A scratch database like `database`, removed in the end.

    Raises:
        InvalidInput: there can be none beside it.
        StoreError: it cannot be made.
    """
    scheme, _, rest = database.partition("://")
    if scheme in ("postgresql", "postgres"):
        return _schema(database)
    if scheme != "sqlite":
        raise InvalidInput("database", without_password(database), FILE)
    return _file(database, sqlite_path(database, rest))


@contextmanager
def _file(database: str, path: str) -> Generator[Scratch]:
    if path == ":memory:":
        raise InvalidInput("database", database, FILE)
    file = Path(path).absolute()
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{file.name}.prove-", dir=file.parent))
    except OSError as error:
        raise InvalidInput("database", database, f"{FOLDER} ({error.strerror})") from None
    made = Scratch(f"sqlite:///{folder}/scratch.db", folder)
    try:
        yield made
    finally:
        if not made.keep:
            shutil.rmtree(folder)


@contextmanager
def _schema(database: str) -> Generator[Scratch]:
    from kiribi.stores._postgres_scratch import ahead, drop

    schema = f"kiribi_prove_{secrets.token_hex(4)}"
    parts = urlsplit(database)
    query = dict(parse_qsl(parts.query)) | {"schema": schema, "application_name": schema}
    url = urlunsplit(parts._replace(query=urlencode(query)))
    least, most = asyncio.run(ahead(url))
    folder = Path(tempfile.mkdtemp(prefix="kiribi-prove-"))
    made = Scratch(url, folder, schema=schema, name=schema)
    if not least <= 0 <= most:
        made.ahead_ns, made.unsure_ns = (least + most) // 2, (most - least) // 2
    try:
        asyncio.run(migrate(url))
        yield made
    finally:
        if not made.keep_schema:
            asyncio.run(drop(url, schema))
        if not made.keep:
            shutil.rmtree(folder)
