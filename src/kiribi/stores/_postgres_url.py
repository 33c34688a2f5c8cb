"""PostgreSQL database URLs: what of them is for the driver, what is ours, what may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kiribi.errors import InvalidDatabaseURL

ALLOWED = (
    "give postgresql://user:password@host:5432/database, with ?schema=… for another schema than "
    "kiribi, ?pooler=transaction behind a PgBouncer older than 1.21, and what libpq takes"
)
SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
POOLERS = ("transaction",)


@dataclass(frozen=True, slots=True)
class Where:
    """A database: how it is shown, how the driver gets there, and our schema in it."""

    shown: str
    options: Mapping[str, Any]
    schema: str


def parsed(url: str) -> Where:
    """A URL, taken apart.

    Raises:
        InvalidDatabaseURL: it cannot be read; it is shown without its password.
    """
    from kiribi.stores import without_password

    shown = without_password(url)
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise InvalidDatabaseURL("database", shown, ALLOWED) from None
    ours = {name: value for name, value in query if name in ("schema", "pooler")}
    schema, pooler = ours.get("schema", "kiribi"), ours.get("pooler")
    if parts.fragment or not SCHEMA.fullmatch(schema) or pooler not in (None, *POOLERS):
        raise InvalidDatabaseURL("database", shown, ALLOWED)
    rest = urlencode([(name, value) for name, value in query if name not in ours])
    options: dict[str, Any] = {"dsn": urlunsplit(parts._replace(query=rest))}
    if pooler:
        # a statement that one session prepared is not known to the next
        options["statement_cache_size"] = 0
    return Where(shown, options, schema)
