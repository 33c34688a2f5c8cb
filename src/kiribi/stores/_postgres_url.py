"""PostgreSQL database URLs: what of them is for the driver, what is ours, what may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from kiribi.errors import InvalidDatabaseURL

ALLOWED = (
    "give postgresql://user:password@host:5432/database, with ?schema=… for another schema than "
    "kiribi, ?pooler=transaction behind a pooler in transaction mode, and what libpq takes"
)
ESCAPED = "write /, ?, # and @ in a password as %2F, %3F, %23 and %40"
IDLE_MS = 10_000
"""How long a session of ours may be amid a transaction and say nothing."""
SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
CHOICES = {
    "pooler": ("transaction",),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        *("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    ),
}


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
        query = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError:
        allowed = ESCAPED if "@" in url.partition("?")[2] else ALLOWED
        raise InvalidDatabaseURL("database", shown, allowed) from None
    if (wrong := next(_wrong(url, parts, query), None)) is not None:
        raise InvalidDatabaseURL("database", shown, wrong)
    schema, pooler = query.pop("schema", "kiribi"), query.pop("pooler", None)
    options: dict[str, Any] = {}
    if (seconds := query.pop("connect_timeout", None)) is not None:
        options["timeout"] = float(seconds)
    query.setdefault("application_name", "kiribi")  # whom pg_stat_activity shows
    if not pooler:
        # compiling a statement takes a thousand times as long as carrying it out
        query.setdefault("jit", "off")
        # who stops amid a transaction, and says nothing more, must not keep its locks
        query.setdefault("idle_in_transaction_session_timeout", str(IDLE_MS))
    options["dsn"] = urlunsplit(parts._replace(query=urlencode(query)))
    if pooler:
        # a statement that one session prepared is not known to the next
        options["statement_cache_size"] = 0
    return Where(shown, options, schema)


def _wrong(url: str, parts: SplitResult, query: Mapping[str, str]) -> Iterator[str]:
    """What would have been allowed, for each part that is wrong."""
    if "@" in parts.path + parts.fragment:
        yield ESCAPED
    if parts.fragment or not url.isprintable() or " " in url:
        yield ALLOWED
    hosts = parts.netloc.rpartition("@")[2]
    ports = [re.sub(r"^(\[.*\]|[^:\[\]]*)", "", host) for host in hosts.split(",")]
    ports += [f":{port}" for port in query.get("port", "").split(",")]
    if not all(port in ("", ":") or _is_port(port[1:]) for port in ports):
        yield "give each host's port as a number from 1 to 65535"
    for name, allowed in CHOICES.items():
        if name in query and query[name] not in allowed:
            yield f"as {name}, give {' or '.join(allowed)}"
    if not SCHEMA.fullmatch(query.get("schema", "kiribi")):
        yield "give a schema of up to 63 small letters, digits and _, that begins with no digit"
    if not re.fullmatch(r"[1-9]\d{0,3}", query.get("connect_timeout", "10")):
        yield "give connect_timeout as whole seconds from 1"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65_536
