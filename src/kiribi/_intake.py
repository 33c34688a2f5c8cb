"""From a call of `enqueue` to a `NewJob`: everything is checked here, nothing is stored."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from kiribi._json import encode
from kiribi.errors import InvalidInput, UnknownBinding
from kiribi.job import new_id
from kiribi.options import EnqueueOptions
from kiribi.payloads import check_schema, encoded_for
from kiribi.performer import Performer, check_binding, is_performer
from kiribi.ports import BindingInfo, NewJob, Store
from kiribi.unique import Unique, UniqueKey
from kiribi.unique import unique as parsed_unique

TRUST_SECONDS = 5.0
"""How long what the store said of its bindings is trusted."""

STEP = 1_000
"""Jobs per round trip."""
EDGE_CHARACTERS = 150
"""Of one job that another waits for, on the way to the store."""
STEP_CHARACTERS = 16_000_000
"""Payloads per round trip, in characters of JSON."""

NOTHING: Mapping[str, Any] = {}
Asked: TypeAlias = "tuple[Any, ...] | list[Any]"
"""`(binding, payload)` or `(binding, payload, options)`."""


class Intake:
    """Knows the performers at hand and the bindings of the store.

    `defaults`: the manager's, of options, behind the performers' own.
    """

    def __init__(
        self,
        store: Store,
        performers: Mapping[str, type[Performer]],
        defaults: Mapping[str, Any],
    ) -> None:
        self._store = store
        self._performers = performers
        self._defaults = defaults
        self._known: dict[str, BindingInfo] = {}
        self._known_until = 0.0

    async def checked(
        self, binding: str | type[Performer], payload: Any, options: Mapping[str, Any]
    ) -> NewJob:
        """What was asked, as a job to store.

        Raises:
            InvalidInput: naming what is wrong.
        """
        if isinstance(binding, str):
            await self._learn(binding)
        return self._new_job(binding, payload, options)

    async def all_checked(self, jobs: Iterable[Asked]) -> list[NewJob]:
        """What was asked, as jobs to store.

        Raises:
            InvalidInput: naming what is wrong, with the job's place if there are several.
        """
        checked: list[NewJob] = []
        heard = set(self._performers)
        for place, job in enumerate(jobs):
            binding, payload, options = _triple(place, job)
            if isinstance(binding, str) and binding not in heard:
                heard.add(binding)
                await self._learn(binding)
            try:
                checked.append(self._new_job(binding, payload, options))
            except InvalidInput as error:
                error.add_note(f"It is job {place} (from 0); none was stored.")
                raise
        _check_order(checked)
        return checked

    def name(self, binding: str | type[Performer]) -> str:
        """The name of a binding given as such or by its class.

        Raises:
            InvalidInput: it is neither, or no name.
        """
        if isinstance(binding, str) and binding in self._performers:
            return binding
        if is_performer(binding):
            return cast("type[Performer]", binding).binding
        if not isinstance(binding, str):
            raise InvalidInput("binding", binding, "give a performer class or its binding")
        check_binding("binding", binding)
        return binding

    async def known(self, name: str) -> None:
        """Make sure that somebody has heard of a binding.

        Raises:
            UnknownBinding: neither a performer at hand nor the store has.
        """
        await self._learn(name)
        if name not in self._performers and name not in self._known:
            raise self._unknown(name)

    def _new_job(
        self, binding: str | type[Performer], payload: Any, options: Mapping[str, Any]
    ) -> NewJob:
        parsed = EnqueueOptions.parse(options)
        name = self.name(binding)
        performer = self._performers.get(name) if isinstance(binding, str) else binding
        limit = self._store.max_payload_bytes
        if performer is None:
            text = self._encoded(name, payload, limit)
            known = self._known.get(name)
            served = known is not None and known.last_seen_ms is not None
            defaults = known.defaults if known is not None and served else self._defaults
            # the store has the priority of what is served
            priority = None if served else defaults.get("priority")
            delay = defaults.get("first_delay")
            rule = parsed_unique("unique", defaults["unique"]) if "unique" in defaults else None
        else:
            text = encoded_for(performer, payload, limit)
            rule = performer.unique
            priority, delay = performer.priority, performer.first_delay
            if priority is None:
                priority = self._defaults.get("priority")
            if delay is None:
                delay = self._defaults.get("first_delay")
        id = parsed.id or new_id()
        stored = parsed.stored()
        rule = rule if parsed.unique is None else parsed.unique
        if not (stored or delay or parsed.after or rule):
            return NewJob(id, name, text, None, parsed.id is not None, priority)
        delay = stored.get("first_delay", delay)
        if parsed.after and delay:
            stored["first_delay"] = delay  # counts from the end of what it waits for
        return NewJob(
            id=id,
            binding=name,
            payload=text,
            options=encode(stored) if stored else None,
            chosen_id=parsed.id is not None,
            priority=stored.get("priority", priority),
            delay_ms=round(delay * 1000) if delay else 0,
            at_ms=stored.get("at"),
            after=parsed.after or (),
            after_failed=parsed.after_failed or "cancel",
            unique=_key(rule, text) if rule and not parsed.after else None,
        )

    def _encoded(self, name: str, payload: Any, limit: int) -> str:
        known = self._known.get(name)
        if known is None and self._performers:
            raise self._unknown(name)
        text = encode(payload, limit=limit)
        if known is not None and known.schema is not None:
            check_schema(name, known.schema, json.loads(text))
        return text

    def _unknown(self, name: str) -> UnknownBinding:
        names = sorted({*self._performers, *self._known})
        near = difflib.get_close_matches(name.upper(), names, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        return UnknownBinding("binding", name, f"{hint}known are {', '.join(names) or 'none yet'}")

    async def _learn(self, name: str) -> None:
        """Ask the store about a binding of which no performer is at hand."""
        if name in self._performers:
            return
        if name not in self._known or time.monotonic() >= self._known_until:
            self._known = {info.name: info for info in await self._store.bindings()}
            self._known_until = time.monotonic() + TRUST_SECONDS


def steps(jobs: Sequence[NewJob]) -> Iterable[Sequence[NewJob]]:
    """`jobs` by the thousand, or fewer where payloads, or lists of other jobs, are large."""
    start = size = 0
    for end, job in enumerate(jobs):
        large = len(job.payload) + len(job.after) * EDGE_CHARACTERS
        size += large
        if end - start == STEP or (size > STEP_CHARACTERS and end > start):
            yield jobs[start:end]
            start, size = end, large
    if jobs:
        yield jobs[start:]


def _check_order(jobs: Sequence[NewJob]) -> None:
    """Jobs wait for earlier ones: no circle of them can come about."""
    if not any(job.after for job in jobs):
        return
    places = {job.id: place for place, job in enumerate(jobs) if job.chosen_id}
    for place, job in enumerate(jobs):
        for id in job.after:
            if places.get(id, -1) >= place:
                raise InvalidInput(f"jobs[{place}].after", id, "give jobs that come before it")


def _key(rule: Unique, payload: str) -> UniqueKey:
    within = None if rule.within is None else round(rule.within * 1000)
    return UniqueKey(rule.key_of(json.loads(payload)), rule.states, within, rule.on_conflict)


def _triple(place: int, job: Asked) -> tuple[Any, Any, Mapping[str, Any]]:
    if not isinstance(cast("object", job), (tuple, list)) or len(job) not in (2, 3):
        allowed = "give (binding, payload) or (binding, payload, options)"
        raise InvalidInput(f"jobs[{place}]", job, allowed)
    if len(job) == 2:
        return job[0], job[1], NOTHING
    options = job[2]
    if not isinstance(options, Mapping):
        allowed = "give a mapping of options, or leave it out"
        raise InvalidInput(f"jobs[{place}].options", options, allowed)
    return job[0], job[1], cast("Mapping[str, Any]", options)
