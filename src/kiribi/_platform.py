"""The base class of managers and performers, by runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

T = TypeVar("T", bound="Entrypoint")

if sys.platform == "emscripten" and not TYPE_CHECKING:
    from workers import WorkerEntrypoint

    class Base(WorkerEntrypoint):
        """An entrypoint that the platform instantiates for every call from outside."""

        def __new__(cls, ctx: Any, env: Any) -> Any:
            return Entrypoint.outside(cls, ctx, env)

else:

    class Base:
        """What Cloudflare's `WorkerEntrypoint` offers, elsewhere."""

        def __init__(self, ctx: Any = None, env: Mapping[str, Any] | None = None) -> None:
            self.ctx = ctx
            self.env: Mapping[str, Any] = {} if env is None else env


class Entrypoint(Base):
    """A plain class, and on Workers an entrypoint.

    Attributes:
        ctx: the platform's execution context; None outside of Workers.
        env: bindings on Workers, the process environment elsewhere.
        outside: makes what the platform gets instead of an instance, of which callers would reach
            everything; of the Workers runtime.
    """

    outside: ClassVar[Callable[[type[Any], Any, Any], Any]]


def made(cls: type[T], ctx: Any, env: Any) -> T:
    """An instance for ourselves, on every runtime."""
    instance = object.__new__(cls)
    instance.__init__(ctx, env)
    return instance
