"""What other Workers may call of the manager, about bindings, workers, figures and bulk actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kiribi.action import Action
from kiribi.manager import Kiribi
from kiribi.runtimes.crossing import dated, filter_of, parts
from kiribi.web import wire

LIMITS = {wire_name: name for name, wire_name in wire.LIMITS.items()}


class Steering:
    """Its half that is not about single jobs."""

    def __init__(self, kiribi: Kiribi) -> None:
        self._kiribi = kiribi

    async def bindings(self) -> list[dict[str, Any]]:
        """Every kind of job, with its defaults, limits and whether it is paused."""
        return [dated(wire.binding_shown(info)) for info in await self._kiribi.bindings()]

    async def workers(self) -> list[dict[str, Any]]:
        """Who performs; Cloudflare counts as one."""
        return [dated(wire.worker_shown(info)) for info in await self._kiribi.workers()]

    async def pause(self, binding: str) -> None:
        """Claim no more jobs of a binding."""
        await self._kiribi.pause(binding)

    async def resume(self, binding: str) -> None:
        """Claim its jobs again."""
        await self._kiribi.resume(binding)

    async def limit(self, binding: str, limits: Mapping[str, Any]) -> None:
        """Set limits of a binding, over those of its performer; null lifts one."""
        given = parts("limits", limits, (*LIMITS, *wire.LIMITS))
        await self._kiribi.limit(binding, **{LIMITS.get(n, n): one for n, one in given.items()})  # type: ignore[arg-type] # checked there

    async def reset_limits(self, binding: str) -> None:
        """Take back what `limit` set."""
        await self._kiribi.reset_limits(binding)

    async def stats(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What became of jobs, by binding: `{hours, bucket, bindings}`."""
        given = parts("stats", asked, ("hours", "bucket", "bindings"))
        return [dated(wire.tally(one)) for one in await self._kiribi.stats(**given)]

    async def failures(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What goes wrong, by cause: `{hours, bindings, limit}`."""
        given = parts("failures", asked, ("hours", "bindings", "limit"))
        return [dated(wire.failure_shown(one)) for one in await self._kiribi.failures(**given)]

    async def start_action(
        self, kind: str, filter: Mapping[str, Any], asked: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Have something done to all jobs that match, in the background: `{who}` for the record."""
        who = parts("startAction", asked, ("who",)).get("who", "")
        return _action(await self._kiribi.start_action(kind, filter_of(filter) or {}, who=who))

    async def actions(self, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Bulk actions, newest first: `{before, limit}`, `before` being an id."""
        given = parts("actions", asked, ("before", "limit"))
        return [_action(one) for one in await self._kiribi.actions(**given)]

    async def action(self, id: str) -> dict[str, Any]:
        """A bulk action, and how far it is."""
        return _action(await self._kiribi.action(id))

    async def abort(self, id: str) -> dict[str, Any]:
        """End a bulk action between two steps."""
        return _action(await self._kiribi.abort(id))


def _action(action: Action) -> dict[str, Any]:
    shown = wire.action_shown(action)
    return {**dated(shown), "filter": dated(shown["filter"])}
