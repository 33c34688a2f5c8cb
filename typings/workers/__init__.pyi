# Cloudflare's SDK, as far as Kiribi uses it.
from collections.abc import Mapping
from typing import Any

class Response:
    def __init__(
        self, body: str = "", *, status: int = 200, headers: Mapping[str, str] = ...
    ) -> None: ...
    @staticmethod
    def json(data: Any, *, status: int = 200) -> Response: ...

class WorkerEntrypoint:
    ctx: Any
    env: Any
    def __init__(self, ctx: Any, env: Any) -> None: ...
