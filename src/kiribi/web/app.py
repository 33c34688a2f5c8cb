"""`create_app`: everything together."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from kiribi._version import __version__
from kiribi.errors import KiribiError
from kiribi.manager import Kiribi
from kiribi.web import acting, doing, finding, looking, npm, schedules, session
from kiribi.web.access import capabilities
from kiribi.web.auth import Auth
from kiribi.web.errors import on_failure, on_http_exception, on_kiribi_error, on_misfit
from kiribi.web.events import Events
from kiribi.web.guard import LOOPBACK_NAMES, Guard
from kiribi.web.openapi import DESCRIPTION, TAGS, document, on_method_not_allowed
from kiribi.web.pages import Pages
from kiribi.web.pulse import Pulses


def create_app(
    kiribi: Kiribi,
    *,
    token: str | None = None,
    read_only: bool = False,
    allowed_hosts: Sequence[str] = LOOPBACK_NAMES,
    events: bool = True,
) -> FastAPI:
    """The REST API under `/api` and the dashboard on every other path.

    Run it by itself (`kiribi.web.server.serve`) or mount it in another ASGI application.
    Payloads are shown as `Kiribi.redact` leaves them.

    Args:
        kiribi: a connected manager, which the caller closes.
        token: what clients must present; None lets everybody in who reaches it.
        read_only: answer, but change nothing.
        allowed_hosts: the names under which browsers may ask for it.
        events: whether the runtime can keep a stream of events open.

    Raises:
        InvalidInput: the token is empty.
    """
    app = FastAPI(
        title="Kiribi",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: to_camel(route.name),
    )
    state = app.state
    state.kiribi = kiribi
    state.auth = Auth(token)
    state.read_only = read_only
    state.capabilities = capabilities(read_only=read_only)
    state.pulses = Pulses(kiribi)
    state.events = Events(state.pulses, kiribi.queue) if events else None
    api = APIRouter(prefix="/api")
    for module in (npm, finding, doing, acting, schedules, looking, session):
        api.include_router(module.router)
    app.include_router(api)
    app.router.default = Pages()
    document(app, signed_in=token is not None)
    app.add_middleware(Guard, auth=state.auth, hosts=allowed_hosts)
    app.add_exception_handler(KiribiError, on_kiribi_error)
    app.add_exception_handler(RequestValidationError, on_misfit)
    app.add_exception_handler(405, on_method_not_allowed)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_failure)
    return app
