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
"""Channels and keys that bindings share: no session holds more locks than so many."""
MOST_BYTES = 7_000
"""Of a payload; PostgreSQL takes less than 8,000."""


class Row(NamedTuple):
    """One of the rows that `ring.sql` takes. `key`: None rings in any case."""

    channel: str
    payload: str
    key: str | None


class Channels:
    """The channels of a schema, over which the server lets through to each session what it wants.

    `due` for jobs of any binding, which who waits for some hears, too; one for each group of
    bindings; `all` for who waits for anything; `ended` for what else there is.
    """

    def __init__(self, schema: str) -> None:
        self.due = schema
        self._stem = schema[:57]  # a name has 63 bytes at most
        self.ended = f"{self._stem}.ended"
        self.all = f"{self._stem}.all"
        self.groups = [f"{self._stem}.{number}" for number in range(GROUPS)]
        self.keys = lru_cache(256)(self._keys)

    def of(self, subject: Subject) -> frozenset[str]:
        """The channels to listen to."""
        if subject is None:
            return frozenset((self.due, self.all, self.ended))
        if not subject:
            return frozenset((self.ended,))
        return frozenset((self.due, *map(self._group, subject)))

    def rows(self, bindings: Collection[str] | None, ended: bool) -> list[Row]:
        """What tells others of due jobs of `bindings` (None: of any), and that some have ended."""
        rows = [Row(self.ended, "", self._key(self.ended))] if ended else []
        if bindings is None:
            return [*rows, Row(self.due, "", None)]
        grouped: dict[str, list[str]] = {self.all: sorted(bindings)} if bindings else {}
        for binding in sorted(bindings):
            grouped.setdefault(self._group(binding), []).append(binding)
        return rows + [
            Row(channel, _payload(of), self._key(channel)) for channel, of in grouped.items()
        ]

    def unasked(self, bindings: Collection[str]) -> tuple[str, str]:
        """Channel and payload of one notification for all who wait, without asking whether they do.

        As a program of another kind would send it.
        """
        return self.due, _payload(sorted(bindings))

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
        """What to hold while listening. Who rings for any asks nobody whether he listens."""
        return frozenset(self._key(channel) for channel in self.of(subject) - {self.due})

    def _group(self, binding: str) -> str:
        return self.groups[crc32(binding.encode()) % GROUPS]

    def _key(self, channel: str) -> str:
        return f"kiribi {self.due} {channel}"


def _payload(bindings: list[str]) -> str:
    payload = json.dumps(bindings)
    return payload if len(payload.encode()) <= MOST_BYTES else ""
