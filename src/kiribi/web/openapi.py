"""The reference: every route with every error and example."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from kiribi.performer import BINDING_PATTERN
from kiribi.web.answers import Problem
from kiribi.web.asked import Params
from kiribi.web.auth import COOKIE
from kiribi.web.errors import Refused
from kiribi.web.examples import ANSWERS, NEW, REQUESTS
from kiribi.web.guard import route_path

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """Jobs with a memory: find, search, count and act on every job, before, while and
after it runs.

Times are ISO 8601 in UTC, durations of options are seconds. Bad input changes nothing and is
answered with 4xx and `{error: {code, message, field?, allowed?}}`.
"""
TAGS = [
    {"name": "Finding", "description": "Jobs, their logs, and why they are where they are."},
    {"name": "Doing", "description": "Enqueue jobs and act on them."},
    {"name": "Acting", "description": "Do something to very many jobs, in the background."},
    {"name": "Recurring", "description": "Schedules: jobs that are made by the clock."},
    {"name": "Looking", "description": "For those who watch: next to no cost, however many jobs."},
    {"name": "Session", "description": "Sign a browser in and out."},
    {"name": "npm kiribi", "description": "The routes of npm kiribi, for its own web client."},
]
ERRORS: dict[int, tuple[str, str, str]] = {
    400: ("What was given is wrong.", "invalid_input", "limit: 0 is not allowed; …"),
    401: ("Nobody is signed in, or the token is wrong.", "unauthorized", "the token is wrong"),
    403: (
        "Not granted, read-only, or asked from a foreign host or origin.",
        "not_granted",
        "this server is read-only: jobs.cancel is not granted",
    ),
    404: (
        "There is no such thing.",
        "job_not_found",
        "job '0192…' does not exist (never enqueued, deleted or pruned)",
    ),
    409: (
        "The job's state does not allow it.",
        "conflict",
        "cannot retry job '0192…': it is PENDING; only ended jobs can be retried",
    ),
    413: ("The body is too large.", "body_too_large", "body: a request has at most … bytes"),
    415: (
        "The body is not JSON.",
        "unsupported_media_type",
        "Content-Type: 'text/plain' is not allowed; give application/json",
    ),
    422: (
        "The performer does not take this payload, or there is none of this name.",
        "invalid_payload",
        "payload.to: 42 is not allowed; SEND_MAIL says: Input should be a valid string",
    ),
    429: (
        "Too many wrong tokens from this address; `Retry-After` says when to go on.",
        "too_many_failures",
        "too many wrong tokens; try again in 42 s",
    ),
    501: ("Not in this version.", "not_supported", "this is not supported yet"),
    503: ("The store cannot be reached.", "store_unavailable", "the database is gone"),
}

OWN_PARAMS: dict[str, Any] = {
    name: schema
    for name, schema in Params.model_json_schema()["properties"].items()
    if name not in ("maxRetries", "retryDelay", "firstDelay")
}
"""Options that npm kiribi does not know."""
NEW_JOB: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["binding", "payload"],
                "properties": {
                    "binding": {"type": "string", "pattern": f"^{BINDING_PATTERN.pattern}$"},
                    "payload": {
                        "type": "string",
                        "minLength": 1,
                        "contentMediaType": "application/json",
                        "description": "A JSON text.",
                    },
                    "params": {
                        "type": "object",
                        "properties": {
                            "maxRetries": {"type": "integer", "minimum": 1, "maximum": 1000},
                            "retryDelay": {
                                "anyOf": [
                                    {"type": "number", "minimum": 0},
                                    {
                                        "type": "object",
                                        "required": ["exponential", "base"],
                                        "properties": {
                                            "exponential": {"type": "boolean"},
                                            "base": {"type": "number", "minimum": 2},
                                        },
                                    },
                                ]
                            },
                            "firstDelay": {"type": "number", "minimum": 0},
                            **OWN_PARAMS,
                        },
                    },
                },
            },
            "example": {
                "binding": "SEND_MAIL",
                "payload": '{"to": "someone@example.com"}',
                "params": {"maxRetries": 3, "retryDelay": {"exponential": True, "base": 2}},
            },
        }
    },
}


SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of this server."},
    "basic": {"type": "http", "scheme": "basic", "description": "Any name, and the token."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What `POST /api/login` sets.",
    },
}


def errors(*statuses: int) -> Responses:
    """The responses of a route that can refuse with these statuses."""
    return {status: _response(status) for status in statuses}


def document(app: FastAPI, *, signed_in: bool) -> None:
    """Make `app.openapi` tell all: what every route can refuse, and how to sign in."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            for operations in schema["paths"].values():
                for operation in operations.values():
                    _complete(operation, signed_in=signed_in)
            components = schema["components"]
            components["schemas"] = {
                name: each
                for name, each in components["schemas"].items()
                if name not in ("HTTPValidationError", "ValidationError")
            }
            if signed_in:
                components["securitySchemes"] = SCHEMES
                schema["security"] = [{name: []} for name in SCHEMES]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi


async def on_method_not_allowed(request: Request, _: Exception) -> Response:
    """Answer with all that may be done at a path, though several routes share it."""
    path, paths = route_path(request.scope), request.app.openapi()["paths"]
    fitting = [
        template
        for template in paths
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path)
    ]
    # The one with the fewest parameters, as routing has it
    found = min(fitting, key=lambda template: template.count("{"))
    allowed = ", ".join(sorted(method.upper() for method in paths[found]))
    return Refused(
        405, "method_not_allowed", f"here is only {allowed}", headers={"Allow": allowed}
    ).response()


def _complete(operation: dict[str, Any], *, signed_in: bool) -> None:
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]  # FastAPI's own; ours is 400
    login = operation["operationId"] == "login"
    also = [403] if login else [403, 503]
    if signed_in and not login:
        also += [401, 429]
    if "requestBody" in operation:
        also += [413, 415]
    for status in also:
        shown = _response(status)
        del shown["model"]
        shown["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Problem"}
        responses.setdefault(str(status), shown)
    if login:
        operation["security"] = []
    _exemplify(operation)
    operation["responses"] = dict(sorted(responses.items()))


def _exemplify(operation: dict[str, Any]) -> None:
    id = operation["operationId"]
    if id in REQUESTS:
        operation["requestBody"]["content"]["application/json"]["example"] = REQUESTS[id]
    if id in ANSWERS:
        for status in {"200", "201", "202"} & operation["responses"].keys():
            content = operation["responses"][status]["content"]["application/json"]
            content["example"] = NEW if status == "202" else ANSWERS[id]


def _response(status: int) -> dict[str, Any]:
    description, code, message = ERRORS[status]
    example = {"error": {"code": code, "message": message}}
    return {
        "model": Problem,
        "description": description,
        "content": {"application/json": {"example": example}},
    }
