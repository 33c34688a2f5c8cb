"""The unique jobs of one call of `insert`, as statements of its batch."""

from __future__ import annotations

import json
from typing import Any

from kiribi.job import Job
from kiribi.ports import NewJob
from kiribi.stores._rows import Params, Rows, dumps
from kiribi.unique import UniqueKey

Key = tuple[str, str, str]
"""Binding, key and the id of the job that asks for it."""


class Uniques:
    """Jobs that are stored if nobody holds their keys; duplicates may change the holders."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.refusing: list[Key] = []
        self._rows: list[tuple[Any, ...]] = []
        self._changes: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[str, str, str, str]] = []
        self._new: dict[str, NewJob] = {}

    @property
    def bindings(self) -> set[str]:
        """Those of the jobs."""
        return {binding for binding, *_ in self.keys}

    def add(self, id: str, job: NewJob, inline: str | None, unique: UniqueKey) -> None:
        """A job with its final id; `inline`: its payload, unless that is long."""
        key = (job.binding, unique.key, id)
        when = (job.priority, job.delay_ms, job.at_ms)
        self.keys.append(key)
        self._new[id] = job
        row = (id, job.binding, inline, job.options, *when)
        self._rows.append((*row, unique.key, unique.states, unique.within_ms))
        if unique.on_conflict == "raise":
            self.refusing.append(key)
        elif unique.on_conflict != "return":
            replaces = int(unique.on_conflict == "replace")
            change = (id, job.binding, unique.key, replaces, inline, job.options, *when)
            self._changes.append(change)
            if replaces and inline is None:
                self._bodies.append((id, job.binding, unique.key, job.payload))

    def statements(self, *, alone: bool) -> list[tuple[str, Params]]:
        """Free what no longer counts, store those that win, tell the others by whom.

        `alone`: the batch has nothing else that a duplicate that raises would have to undo.
        """
        if not self.keys:
            return []
        keys: Params = (dumps(self.keys),)
        batch: list[tuple[str, Params]] = [
            ("release_keys", keys),
            ("unique_stat", keys),
            ("insert_unique", (Rows(self._rows),)),
        ]
        if self.refusing and not alone:
            batch.append(("refuse_duplicates", (dumps(self.refusing),)))
        batch.append(("duplicates", keys))
        if self._changes:
            changes = (dumps(self._changes),)
            batch += [("holder_stat", changes), ("change_holders", changes)]
        if self._bodies:
            batch.append(("replace_payloads", (dumps(self._bodies),)))
        if self._changes or not alone:
            # read here: what is stored must not seem to have failed because reading did
            batch.append(("holders", keys))
        return batch

    def twice(self) -> Job | None:
        """The job of this call that another of it, which raises, is a duplicate of."""
        first: dict[tuple[str, str], str] = {}
        refusing = {id for *_, id in self.refusing}
        for binding, key, id in self.keys:
            holder = first.setdefault((binding, key), id)
            if holder != id and id in refusing:
                job = self._new[holder]
                return Job(holder, job.binding, payload=json.loads(job.payload))
        return None
