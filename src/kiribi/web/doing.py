"""Routes that enqueue jobs and act on them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Body, Path
from starlette.responses import Response

from kiribi._actions import STEP, Acted
from kiribi.errors import IdConflict, InvalidInput, UnknownBinding
from kiribi.job import new_id
from kiribi.manager import Kiribi
from kiribi.performer import BINDING_PATTERN
from kiribi.web.access import Manager, needs
from kiribi.web.answers import BatchShown, BindingShown, Details, Done, Listed, Number
from kiribi.web.asked import Enqueue, Limit, NewBatch, Perform, Recover, Sweep, Target
from kiribi.web.body import JSONRoute
from kiribi.web.errors import Refused
from kiribi.web.finding import JobId, outcome
from kiribi.web.openapi import errors
from kiribi.web.response import JSON
from kiribi.web.wire import batch_shown, binding_shown, detailed, listed

router = APIRouter(route_class=JSONRoute, tags=["Doing"])

BindingName = Annotated[
    str, Path(description="The binding.", pattern=f"^{BINDING_PATTERN.pattern}$", max_length=100)
]


@router.post(
    "/enqueue",
    status_code=201,
    response_model=Details,
    dependencies=[needs("jobs.enqueue")],
    responses=errors(400, 409, 422, 501),
)
async def enqueue(kiribi: Manager, asked: Enqueue) -> Response:
    """Accept a job: it is durably stored when this answers."""
    [job] = await kiribi.enqueue_many([asked.job()])
    return JSON(detailed(job, kiribi.redact), 201)


@router.post(
    "/enqueue-many",
    status_code=201,
    response_model=list[Listed],
    dependencies=[needs("jobs.enqueue")],
    responses=errors(400, 409, 422, 501),
)
async def enqueue_many(
    kiribi: Manager, asked: Annotated[list[Enqueue], Body(min_length=1, max_length=STEP)]
) -> Response:
    """Accept many jobs, all of them or none."""
    jobs = await kiribi.enqueue_many([each.job() for each in asked])
    return JSON([listed(job, kiribi.redact) for job in jobs], 201)


@router.post(
    "/batches",
    status_code=201,
    response_model=BatchShown,
    dependencies=[needs("jobs.enqueue")],
    responses=errors(400, 409, 422, 501),
)
async def enqueue_batch(kiribi: Manager, asked: NewBatch) -> Response:
    """Accept jobs, and a callback job that runs once all of them have ended."""
    batch = await kiribi.enqueue_batch([each.job() for each in asked.jobs], asked.then.job())
    return JSON(batch_shown(batch, kiribi.redact), 201)


@router.post(
    "/perform",
    response_model=Details,
    dependencies=[needs("jobs.enqueue")],
    responses={
        **errors(400, 409, 422, 501),
        202: {"model": Details, "description": "It has not ended within the wait; it lives on."},
    },
)
async def perform(kiribi: Manager, asked: Perform) -> Response:
    """Run a job now, recorded like any other, and wait for its end, however it ends."""
    binding, payload, options = asked.job()
    if options.get("unique"):
        raise InvalidInput("unique", True, "enqueue it, then wait for its result")
    options["unique"] = False
    id = str(options.setdefault("id", new_id()))
    running = asyncio.ensure_future(kiribi.perform(binding, payload, wait=asked.wait, **options))
    await asyncio.wait({running})
    error = running.exception()
    refused = isinstance(error, IdConflict) and error.id == id
    if error is not None and (refused or await kiribi.find(id) is None):
        raise error  # before it was accepted: what the performer raised is in the job
    return await outcome(kiribi, id, 0)


@router.post(
    "/jobs/cancel",
    response_model=Done,
    dependencies=[needs("jobs.cancel")],
    responses=errors(400),
)
async def cancel_many(kiribi: Manager, asked: Target) -> Response:
    """Cancel jobs; running ones are asked to stop."""
    return done(await kiribi.cancel(asked.target()))


@router.post(
    "/jobs/retry", response_model=Done, dependencies=[needs("jobs.retry")], responses=errors(400)
)
async def retry_many(kiribi: Manager, asked: Target) -> Response:
    """Run ended jobs again; their attempts stay recorded."""
    return done(await kiribi.retry(asked.target()))


@router.post(
    "/jobs/run-now", response_model=Done, dependencies=[needs("jobs.retry")], responses=errors(400)
)
async def run_many_now(kiribi: Manager, asked: Target) -> Response:
    """Make waiting jobs due at once."""
    return done(await kiribi.run_now(asked.target()))


@router.post(
    "/jobs/delete-many",
    response_model=Done,
    dependencies=[needs("jobs.delete")],
    responses=errors(400),
)
async def delete_many(kiribi: Manager, asked: Target) -> Response:
    """Remove jobs for good; those PROCESSING are skipped."""
    return done(await kiribi.delete(asked.target()))


@router.post(
    "/jobs/{id}/retry",
    response_model=Details,
    dependencies=[needs("jobs.retry")],
    responses=errors(400, 404, 409),
)
async def retry(kiribi: Manager, id: JobId) -> Response:
    """Run an ended job again; its attempts stay recorded."""
    return JSON(detailed(await kiribi.retry(id), kiribi.redact))


@router.post(
    "/jobs/{id}/run-now",
    response_model=Details,
    dependencies=[needs("jobs.retry")],
    responses=errors(400, 404, 409),
)
async def run_now(kiribi: Manager, id: JobId) -> Response:
    """Make a waiting job due at once."""
    return JSON(detailed(await kiribi.run_now(id), kiribi.redact))


@router.post(
    "/sweep", response_model=Number, dependencies=[needs("jobs.delete")], responses=errors(400)
)
async def sweep(kiribi: Manager, asked: Sweep) -> Response:
    """Remove old jobs for good; those PROCESSING are skipped."""
    statuses = {"statuses": asked.statuses} if asked.statuses else {}
    number = await kiribi.sweep(asked.older_than / 1000, dry_run=asked.dry_run, **statuses)
    return JSON({"count": number})


@router.post(
    "/recover",
    response_model=Number,
    dependencies=[needs("jobs.retry")],
    responses=errors(400, 404, 409),
)
async def recover(kiribi: Manager, asked: Recover | None = None) -> Response:
    """Take back, now, the jobs of workers that were lost."""
    return JSON({"count": len(await kiribi.recover(asked.id if asked else None))})


@router.post(
    "/bindings/{name}/pause",
    response_model=BindingShown,
    dependencies=[needs("bindings.pause")],
    responses=errors(400, 404),
)
async def pause(kiribi: Manager, name: BindingName) -> Response:
    """Start no more jobs of a binding, on any worker."""
    with known():
        await kiribi.pause(name)
    return await _binding(kiribi, name)


@router.post(
    "/bindings/{name}/resume",
    response_model=BindingShown,
    dependencies=[needs("bindings.pause")],
    responses=errors(400, 404),
)
async def resume(kiribi: Manager, name: BindingName) -> Response:
    """Start a paused binding's jobs again."""
    with known():
        await kiribi.resume(name)
    return await _binding(kiribi, name)


@router.post(
    "/bindings/{name}/limit",
    response_model=BindingShown,
    dependencies=[needs("bindings.limit")],
    responses=errors(400, 404),
)
async def limit(kiribi: Manager, name: BindingName, asked: Limit) -> Response:
    """Set limits of a binding for all workers, over those of its performer."""
    with known():
        await kiribi.limit(name, **asked.limits())
    return await _binding(kiribi, name)


@router.post(
    "/bindings/{name}/reset-limits",
    response_model=BindingShown,
    dependencies=[needs("bindings.limit")],
    responses=errors(400, 404),
)
async def reset_limits(kiribi: Manager, name: BindingName) -> Response:
    """Take back the limits set at run time: those of its performer hold again."""
    with known():
        await kiribi.reset_limits(name)
    return await _binding(kiribi, name)


@contextmanager
def known() -> Generator[None]:
    """A binding in the path that nobody knows is a page that does not exist."""
    try:
        yield
    except UnknownBinding as error:
        raise Refused(404, "unknown_binding", str(error), allowed=error.allowed) from None


async def _binding(kiribi: Kiribi, name: str) -> Response:
    [info] = [info for info in await kiribi.bindings() if info.name == name]
    return JSON(binding_shown(info))


def done(acted: Acted) -> Response:
    """What an action did."""
    skipped = [{"id": id, "reason": reason} for id, reason in acted.skipped]
    return JSON({"done": acted.done, "skipped": skipped})
