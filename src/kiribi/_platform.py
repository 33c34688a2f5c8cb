"""The base class of managers and performers, by runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Entrypoint:
    """What Cloudflare's `WorkerEntrypoint` offers, elsewhere: a context and an environment.

    Attributes:
        ctx: the platform's execution context; None outside of Workers.
        env: bindings on Workers, the process environment elsewhere.
    """

    def __init__(self, ctx: Any = None, env: Mapping[str, Any] | None = None) -> None:
        self.ctx = ctx
        self.env: Mapping[str, Any] = {} if env is None else env
