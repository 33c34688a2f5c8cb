"""The application behind `kiribi dev` without APP: three kinds of jobs that keep a view alive.

It also runs on Cloudflare Workers as it is.
"""

from __future__ import annotations

import ast
import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Annotated, Any

from pydantic import BaseModel, Field

from kiribi import Discard, Exponential, Kiribi, Performer

STEPS = 20
"""How often a SLOW_JOB reports its progress."""
MODULES = tuple(
    sorted(name for name in sys.stdlib_module_names if not name.startswith(("_", "idlelib")))
)


class Chance(BaseModel):
    """How likely a FLAKY_JOB is to fail."""

    chance: Annotated[float, Field(ge=0, le=1)] = 0.5


class Delay(BaseModel):
    """How long a SLOW_JOB takes, in milliseconds."""

    delay: Annotated[int, Field(ge=0, le=600_000)] = 3000


@dataclass
class Source:
    """A module of Python's standard library, such as `json.decoder`."""

    module: str


class FlakyJob(Performer):
    """Fails as often as its payload says, so that there is something to retry."""

    max_attempts = 3
    retry_delay = Exponential(base=3, cap=60)

    async def perform(self, payload: Chance) -> str:
        """Draw once."""
        drawn = random.random()  # noqa: S311 # not a secret
        self.log(f"drew {drawn:.3f} against a chance of {payload.chance:g}")
        if drawn < payload.chance:
            raise RuntimeError(f"bad luck: {drawn:.3f} is below {payload.chance:g}")
        return "good luck"


class SlowJob(Performer):
    """Takes its time and says how far it is."""

    timeout = 660

    async def perform(self, payload: Delay) -> str:
        """Sleep in steps."""
        for step in range(STEPS):
            self.progress(step / STEPS, f"step {step + 1} of {STEPS}")
            await asyncio.sleep(payload.delay / 1000 / STEPS)
        self.progress(1, "done")
        return f"slept {payload.delay} ms"


class IndexModule(Performer):
    """Reads the source of a standard library module and finds its longest function."""

    def perform(self, payload: Source) -> dict[str, Any]:
        """Parse and count."""
        source = _source(payload.module)
        if source is None:
            raise Discard(f"{payload.module} has no Python source here")
        functions = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        self.log(f"{payload.module}: {len(functions)} functions")
        longest = max(functions, key=_lines, default=None)
        return {
            "lines": source.count("\n"),
            "words": len(source.split()),
            "functions": len(functions),
            "longest": longest and {"name": longest.name, "lines": _lines(longest)},
        }


class Default(Kiribi):
    """The demo's manager, with nothing of its own."""


def traffic() -> Iterator[tuple[str, dict[str, Any]]]:
    """Jobs for ever, as (binding, payload): mostly real work, some luck, some patience."""
    while True:
        yield FlakyJob.binding, {"chance": 0.5}
        yield SlowJob.binding, {"delay": 3000}
        for module in random.sample(MODULES, 3):
            yield IndexModule.binding, {"module": module}


def _source(module: str) -> str | None:
    """The source text; looked up without importing anything, whatever name was given."""
    top = module.partition(".")[0]
    spec, path, name = None, None, ""
    for part in module.split(".") if top in sys.stdlib_module_names else ():
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    loader: Any = spec and spec.loader
    return loader.get_source(name) if hasattr(loader, "get_source") else None


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1
