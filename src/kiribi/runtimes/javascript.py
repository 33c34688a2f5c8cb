"""Cloudflare's JavaScript objects as what the rest of Kiribi takes. Only on Workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any

import js
from pyodide.ffi import JsException, JsProxy, create_once_callable, jsnull, to_js

from kiribi.stores._rows import Row
from kiribi.stores._search import Params
from kiribi.stores.d1 import D1Error


class BoundDatabase:
    """A D1 binding; see `stores.d1.Database`."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def batch(self, statements: Sequence[tuple[str, Params]]) -> Sequence[Sequence[Row]]:
        """See `stores.d1.Database`."""
        try:
            prepared = [
                self._binding.prepare(sql).bind(*[jsnull if one is None else one for one in params])
                for sql, params in statements
            ]
            answers = await self._binding.batch(to_js(prepared))
        except JsException as error:
            raise D1Error(str(error)) from None
        return [[list(row.values()) for row in one["results"]] for one in from_js(answers)]


def from_js(value: Any) -> Any:
    """A JavaScript value as the JSON it is written as; what is none of it, is None."""
    text = js.JSON.stringify(value)
    return json.loads(text) if isinstance(text, str) else None


def to_json(value: Any) -> Any:
    """A JSON value as JavaScript has it."""
    return js.JSON.parse(json.dumps(value))


async def called(stub: Any, method: str, *args: Any) -> Any:
    """What a method of another Worker answers.

    Raises:
        JsException: it threw.
    """
    raw: Any = getattr(stub, "_binding", None) if not isinstance(stub, JsProxy) else stub
    if raw is None:
        return await getattr(stub, method)(*args)
    # A promise that is rejected with something that is no Error is awaited for ever here, so none
    # may come here: JavaScript makes the call, and waits for whatever becomes of it.
    call = js.Reflect.apply.bind(None, getattr(raw, method), raw, to_js(args))
    (told,) = await js.Promise.allSettled(getattr(js.Array, "from")(to_js([0]), call))
    if told.status == "fulfilled":
        return told.value
    reason = told.reason
    raise reason if isinstance(reason, JsException) else js.Error.new(_written(reason))


def _written(value: Any) -> str:
    try:
        return value if isinstance(value, str) else js.JSON.stringify(value) or str(value)
    except JsException:
        return str(value)


def object_of(**members: Any) -> Any:
    """A JavaScript object."""
    made = js.Object.new()
    for name, value in members.items():
        setattr(made, name, value)
    return made


def promised(work: Awaitable[Any]) -> Any:
    """A promise that is kept when `work` has ended, however it ends."""

    def executor(resolve: Any, _: Any) -> None:
        asyncio.ensure_future(work).add_done_callback(lambda _: resolve())

    return js.Promise.new(create_once_callable(executor))


def bindings_of(env: Any) -> dict[str, str]:
    """The names of what is bound, with the kind of each: `Fetcher` is a Worker."""
    kinds: dict[str, str] = {}
    for name in js.Object.keys(env):
        kind = getattr(getattr(env, name), "constructor", None)
        kinds[str(name)] = str(kind.name) if kind is not None else ""
    return kinds


def text_of(env: Any, name: str) -> str | None:
    """A variable or secret; None if there is none."""
    value = getattr(env, name, None)
    return value if isinstance(value, str) and value else None
