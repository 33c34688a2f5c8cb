"""A place of its own beside the user's database, which is not touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kiribi.errors import InvalidInput
from kiribi.stores import sqlite_path, without_password

FILE = "give a SQLite file such as sqlite:///jobs.db: many processes have to share it"
FOLDER = "give a file in a folder that exists and can be written"


@dataclass(slots=True)
class Scratch:
    """A scratch database.

    Attributes:
        database: its URL.
        folder: beside the user's file, with the database, the journal and the logs in it.
        keep: leave it there.
    """

    database: str
    folder: Path
    keep: bool = False


@contextmanager
def scratch(database: str) -> Generator[Scratch]:
    """A scratch database like `database`, removed in the end.

    Raises:
        InvalidInput: there can be no file beside it.
    """
    scheme, _, rest = database.partition("://")
    if scheme != "sqlite":
        raise InvalidInput("database", without_password(database), FILE)
    path = sqlite_path(database, rest)
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
