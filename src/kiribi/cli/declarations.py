"""`kiribi types`: the manager as TypeScript sees it over a service binding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from kiribi.application import load
from kiribi.cli.serving import App
from kiribi.payloads import schema_of
from kiribi.performer import performers_in

WORDS = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


def types(
    app: App,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; without it, to stdout.")
    ] = None,
) -> None:
    """Write TypeScript declarations of an application's jobs and of what may be called.

    Examples:
      kiribi types src/entry.py -o kiribi.d.ts
    """
    text = declarations({n: schema_of(p) for n, p in performers_in(load(app).module).items()})
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


def declarations(schemas: Mapping[str, Mapping[str, Any] | None]) -> str:
    """The declarations, from the payloads' JSON Schemas by binding."""
    payloads = [
        f"  {json.dumps(name)}: {_type(schema, schema or {}, '  ')};\n"
        for name, schema in sorted(schemas.items())
    ]
    common = files("kiribi.cli").joinpath("kiribi.d.ts").read_text("utf-8")
    return f"{common}\n/** What each binding's jobs take. */\n" + (
        "export interface Payloads {\n" + "".join(payloads) + "}\n"
    )


def _type(schema: Any, root: Mapping[str, Any], indent: str) -> str:
    """JSON Schema as a type; what it says of ranges and formats, TypeScript can't."""
    if not isinstance(schema, Mapping):
        return "any" if schema is not False else "never"
    one = cast("Mapping[str, Any]", schema)
    if "$ref" in one:
        return _type(_referred(str(one["$ref"]), root), root, indent)
    if "const" in one:
        return json.dumps(one["const"])
    if "enum" in one:
        return " | ".join(map(json.dumps, one["enum"]))
    for several in ("anyOf", "oneOf"):
        if several in one:
            return " | ".join(dict.fromkeys(_type(s, root, indent) for s in one[several]))
    kind: Any = one.get("type")
    if isinstance(kind, list):
        each = [_type({**one, "type": k}, root, indent) for k in cast("list[str]", kind)]
        return " | ".join(each)
    if kind == "array":
        return f"Array<{_type(one.get('items', True), root, indent)}>"
    if kind == "object":
        return _object(one, root, indent)
    return WORDS.get(str(kind), "any")


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], indent: str) -> str:
    fields: Mapping[str, Any] = schema.get("properties", {})
    if not fields:
        return f"Record<string, {_type(schema.get('additionalProperties', True), root, indent)}>"
    required = schema.get("required", ())
    inner = f"{indent}  "
    lines = [
        f"{inner}{json.dumps(name)}{'' if name in required else '?'}: "
        f"{_type(field, root, inner)};\n"
        for name, field in fields.items()
    ]
    return "{\n" + "".join(lines) + f"{indent}}}"


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
