"""What a ring is about: the channels it goes over, and the keys of those who listen for it.

Whoever listens holds a shared lock on the key of each thing it listens for, so whoever rings sees
whether anybody would hear it: PostgreSQL wakes every session that listens to any channel.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple, cast
from zlib import crc32

Subject = frozenset[str] | None
"""Bindings of jobs that become due; empty: what ended or changed otherwise; None: all of it."""

GROUPS = 16
"""Keys that the bindings of a schema share: a session that serves many holds no more locks."""
MOST_BYTES = 7_000
"""Of a payload; PostgreSQL takes less than 8,000."""


class Row(NamedTuple):
    """One of the rows that `ring.sql` takes. `key`: None rings in any case."""

    channel: str
    payload: str
    key: str | None


class Channels:
    """The channels of a schema: `due` for jobs that become due, `ended` for what else there is."""

    def __init__(self, schema: str) -> None:
        self.due = schema
        self.ended = f"{schema[:57]}.ended"  # 63 bytes at most
        self.keys = lru_cache(256)(self._keys)

    def of(self, subject: Subject) -> frozenset[str]:
        """The channels to listen to."""
        return frozenset((self.due, self.ended) if subject is None else (self._one(subject),))

    def rows(self, bindings: Collection[str] | None, ended: bool) -> list[Row]:
        """What tells others of due jobs of `bindings` (None: of any), and that some have ended."""
        rows = [Row(self.ended, "", self._key("ended"))] if ended else []
        if bindings is None:
            rows.append(Row(self.due, "", None))
        elif bindings:
            payload = json.dumps(sorted(bindings))
            payload = payload if len(payload.encode()) <= MOST_BYTES else ""
            keys = sorted({self._key("any"), *map(self._group, bindings)})
            rows += [Row(self.due, payload, key) for key in keys]
        return rows

    def heard(self, channel: str, payload: str) -> Subject:
        """What a notification was about; what nobody of ours has written may be about anything."""
        if channel == self.ended:
            return frozenset()
        try:
            bindings = json.loads(payload)
        except ValueError:
            return None
        if not isinstance(bindings, list):
            return None
        return frozenset(str(one) for one in cast("list[Any]", bindings)) or None

    def _keys(self, subject: Subject) -> frozenset[str]:
        """What to hold while listening."""
        if subject is None:
            return frozenset((self._key("any"), self._key("ended")))
        return frozenset(map(self._group, subject) if subject else (self._key("ended"),))

    def _one(self, subject: frozenset[str]) -> str:
        return self.due if subject else self.ended

    def _group(self, binding: str) -> str:
        return self._key(f"{crc32(binding.encode()) % GROUPS}")

    def _key(self, name: str) -> str:
        return f"kiribi {self.due} {name}"
