"""The OpenAPI document: complete, and true of what the server does."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, assume, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.conftest import Serve
from tests.integration.rest_world import Served

from kiribi.web import throttle

TOKEN = "token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SEED = int(os.environ.get("KIRIBI_FUZZ_SEED") or secrets.randbelow(2**32))
"""Printed with every failure; set KIRIBI_FUZZ_SEED to have it again."""
EXAMPLES, EXAMPLES_ELSEWHERE = 25, 3
"""Of each operation and mode: of the server here, and of workerd, where an answer takes longer."""

SECONDS = 60.0
"""For an answer, on a machine that has much else to do."""
NEVER_ENDING = ("/api/events",)
WAITING = {"/api/perform": ("body", "wait"), "/api/jobs/{id}/result": ("query", "timeout")}
"""Operations that wait as long as they are asked to."""


@pytest.fixture(scope="module")
def api(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("openapi") / "jobs.db", token=TOKEN) as served:
        served.client.headers.update(HEADERS)
        served.ended("ECHO", {"n": 1})
        served.ended("FAIL", {"why": "x"})
        served.job("SEND_MAIL", {"to": "a"}, first_delay=3600, max_attempts=2)
        yield served


@pytest.fixture(scope="module")
def document(api: Served) -> Any:
    return api.client.get("api/openapi.json").json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_operation_is_described(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids)) > 30
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["description"].endswith("."), where
        assert set(operation["tags"]) <= tags, where
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "header" or bounded(parameter["schema"]), where


def bounded(schema: Any) -> bool:
    """Whether no value of it can be endless."""
    if schema["type"] == "array":
        return bounded(schema["items"])
    limits = {"string": ("maxLength", "pattern"), "number": ("maximum",), "integer": ("maximum",)}
    return any(limit in schema for limit in limits[schema["type"]])


def test_every_error_is_documented_with_an_example(document: Any) -> None:
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        responses = operation["responses"]
        expected = {"403"} if path == "/api/login" else {"401", "403", "429", "503"}
        if "requestBody" in operation:
            expected |= {"400", "413", "415"}
        if "{id}" in path:
            expected |= {"400", "404"}
        assert responses.keys() >= expected, where
        assert "HTTPValidationError" not in str(responses), where
        for status, response in responses.items():
            if int(status) < 400 or "ZodProblem" in str(response):
                continue
            content = response["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
            assert content["example"]["error"]["message"], where


def test_every_body_and_answer_has_an_example_that_fits(document: Any) -> None:
    found = 0
    for method, path, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in [*bodies, *operation["responses"].values()]:
            content = body.get("content", {}).get("application/json")
            if content is None:
                continue
            assert "example" in content, f"{method} {path}"
            whole = {**content["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(whole).validate(content["example"])
            found += 1
    assert found > 200


def test_signing_in_is_documented(document: Any, serve: Serve, tmp_path: Any) -> None:
    assert document["components"]["securitySchemes"].keys() == {"bearer", "basic", "session"}
    assert document["security"] == [{"bearer": []}, {"basic": []}, {"session": []}]
    assert document["paths"]["/api/login"]["post"]["security"] == []
    with serve(tmp_path / "open.db") as open_api:
        assert "security" not in open_api.client.get("api/openapi.json").json()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_server_does_what_the_document_says(
    api: Served, mode: GenerationMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "FAILURES", 1_000_000)
    schema = schemathesis.openapi.from_url(f"{api.url}api/openapi.json", headers=HEADERS)
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in NEVER_ENDING or not can_be(operation, mode):
            continue
        fuzz(api, operation, mode)


def can_be(operation: Any, mode: GenerationMode) -> bool:
    """Whether there is anything in a request that could be wrong."""
    given = [*operation.path_parameters, *operation.query, *operation.body]
    return mode is GenerationMode.POSITIVE or bool(given)


def fuzz(api: Served, operation: Any, mode: GenerationMode) -> None:
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    ]
    if mode is GenerationMode.NEGATIVE:
        checks.append(negative_data_rejection)

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES if type(api) is Served else EXAMPLES_ELSEWHERE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        assume(not repeated(case))
        patient(case)
        case.call_and_validate(base_url=api.url, headers=HEADERS, checks=checks, timeout=SECONDS)

    try:
        one()
    except BaseException as error:
        error.add_note(f"{operation.label}, {mode}: KIRIBI_FUZZ_SEED={SEED}")
        raise


def repeated(case: Any) -> bool:
    """Whether a parameter that is no list is given several times: then the last one counts."""
    lists = {one.name for one in case.operation.query if one.definition["schema"].get("items")}
    return any(
        isinstance(value, list | dict) and name not in lists
        for name, value in (case.query or {}).items()
    )


def patient(case: Any) -> None:
    """Let nothing wait for jobs that nobody performs."""
    where, name = WAITING.get(case.operation.path, ("", ""))
    if where == "body" and isinstance(case.body, dict):
        wait = case.body.get(name, 30)
        if isinstance(wait, int | float) and wait > 0:
            case.body[name] = 0
    elif where == "query":
        wait = (case.query or {}).get(name, 30)
        if isinstance(wait, int | float) and wait > 0:
            case.query = {**(case.query or {}), name: 0}
