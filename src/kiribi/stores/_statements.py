"""The SQL of a dialect: one statement a file, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from kiribi.errors import SchemaMismatch


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as its file has it; `parameters` is the highest `?N` in it."""

    text: str
    parameters: int


@cache
def statement(dialect: str, name: str) -> Statement:
    """The statement in `sql/<dialect>/<name>.sql`, without its comments."""
    source = files("kiribi.stores").joinpath("sql", dialect, f"{name}.sql").read_text("utf-8")
    text = re.sub(r"^\s*--.*\n", "", source, flags=re.MULTILINE).strip()
    return Statement(text, max(map(int, re.findall(r"\?(\d+)", text)), default=0))


@cache
def migrations(dialect: str) -> tuple[str, ...]:
    """The migration scripts, in order: the first brings the schema to version 1, and so on."""
    folder = files("kiribi.stores").joinpath("sql", dialect, "migrations")
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(script.read_text("utf-8") for script in scripts)


def known_version(dialect: str, version: int, schema: str) -> int:
    """The version of a schema, if this Kiribi knows it. `schema`: how errors call it.

    Raises:
        SchemaMismatch: it is newer.
    """
    newest = len(migrations(dialect))
    if version > newest:
        raise SchemaMismatch(
            f"{schema} is version {version}, this Kiribi knows up to {newest}; upgrade Kiribi"
        )
    return version
