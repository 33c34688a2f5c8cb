"""From a call of `enqueue` to a `NewJob`: everything is checked here, nothing is stored."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

from kiribi.errors import InvalidInput, UnknownBinding
from kiribi.job import new_id
from kiribi.options import EnqueueOptions
from kiribi.payloads import check_schema, encode, encoded_for
from kiribi.performer import BINDING_PATTERN, BINDING_RULE, Performer
from kiribi.ports import BindingInfo, NewJob, Store

TRUST_SECONDS = 5.0
"""How long what the store said of its bindings is trusted."""


class Intake:
    """Knows the performers at hand and the bindings of the store."""

    def __init__(self, store: Store, performers: Mapping[str, type[Performer]]) -> None:
        self._store = store
        self._performers = performers
        self._known: dict[str, BindingInfo] = {}
        self._known_until = 0.0

    async def checked(self, jobs: Iterable[tuple[Any, ...]]) -> list[NewJob]:
        """`(binding, payload[, options])` each, as jobs to store.

        Raises:
            InvalidInput: naming what is wrong, with the job's place if there are several.
        """
        jobs = list(jobs)
        names = {job[0] for job in jobs if isinstance(job[0], str)} - self._performers.keys()
        if names:
            await self._learn(names)
        checked: list[NewJob] = []
        for place, job in enumerate(jobs):
            try:
                checked.append(self._new_job(*job))
            except InvalidInput as error:
                if len(jobs) > 1:
                    error.add_note(f"It is job {place} (from 0) of {len(jobs)}; none was stored.")
                raise
        return checked

    def _new_job(
        self,
        binding: str | type[Performer],
        payload: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> NewJob:
        parsed = EnqueueOptions.parse(options or {})
        name = binding if isinstance(binding, str) else self._name(binding)
        performer = self._performers.get(name) if isinstance(binding, str) else binding
        limit = self._store.max_payload_bytes
        if performer is not None:
            text = encoded_for(performer, payload, limit)
        else:
            text = self._encoded(name, payload, limit)
        stored = parsed.stored()
        priority, delay = parsed.priority, parsed.first_delay
        if performer is not None:
            priority = performer.priority if priority is None else priority
            delay = performer.first_delay if delay is None else delay
        return NewJob(
            id=parsed.id or new_id(),
            binding=name,
            payload=text,
            options=encode(stored) if stored else None,
            chosen_id=parsed.id is not None,
            priority=priority,
            delay_ms=round(delay * 1000) if delay and parsed.at is None else 0,
            at_ms=stored["at"] if parsed.at is not None else None,
        )

    def _name(self, binding: object) -> str:
        if isinstance(binding, type) and issubclass(binding, Performer):
            return cast("type[Performer]", binding).binding
        raise InvalidInput("binding", binding, "give a performer class or its binding")

    def _encoded(self, name: str, payload: Any, limit: int) -> str:
        if not BINDING_PATTERN.fullmatch(name):
            raise InvalidInput("binding", name, BINDING_RULE)
        known = self._known.get(name)
        if known is None and self._performers:
            raise self.unknown(name)
        text = encode(payload, limit=limit)
        if known is not None and known.schema is not None:
            import json

            check_schema(name, known.schema, json.loads(text))
        return text

    def unknown(self, name: str) -> UnknownBinding:
        """The error for a name nobody knows, with the nearest known ones."""
        names = sorted({*self._performers, *self._known})
        near = difflib.get_close_matches(name.upper(), names, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        return UnknownBinding("binding", name, f"{hint}known are {', '.join(names) or 'none yet'}")

    async def _learn(self, names: set[str]) -> None:
        if time.monotonic() < self._known_until and names <= self._known.keys():
            return
        self._known = {info.name: info for info in await self._store.bindings()}
        self._known_until = time.monotonic() + TRUST_SECONDS
