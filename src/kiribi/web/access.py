"""What a visitor may do, and how a route asks for it. All `async`: Workers have no threads."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends, Request

from kiribi.manager import Kiribi
from kiribi.web.auth import Visitor
from kiribi.web.errors import Refused

READ = "jobs.read"
CAPABILITIES = (
    READ,
    "jobs.enqueue",
    "jobs.cancel",
    "jobs.retry",
    "jobs.delete",
    "bindings.pause",
    "bindings.limit",
    "schedules.change",
)


def capabilities(*, read_only: bool) -> tuple[str, ...]:
    """What everybody who was let in may do."""
    return (READ,) if read_only else CAPABILITIES


async def manager(request: Request) -> Kiribi:
    """The manager the application was made for."""
    return cast("Kiribi", request.app.state.kiribi)


async def visitor(request: Request) -> Visitor:
    """Who was let in.

    Raises:
        Refused: nobody was (the guard has the say; this keeps a route closed that it overlooked).
    """
    found = getattr(request.state, "visitor", None)
    if not isinstance(found, Visitor):
        raise Refused(401, "unauthorized", "sign in first")
    return found


Manager = Annotated[Kiribi, Depends(manager)]
Asking = Annotated[Visitor, Depends(visitor)]


def needs(capability: str) -> Any:
    """A dependency that refuses who may not."""

    async def check(request: Request, _: Asking) -> None:
        check_granted(request, capability)

    return Depends(check)


def check_granted(request: Request, capability: str) -> None:
    """Refuse who may not.

    Raises:
        Refused: 403.
    """
    granted: tuple[str, ...] = request.app.state.capabilities
    if capability not in granted:
        raise Refused(403, "not_granted", f"this server is read-only: {capability} is not granted")
