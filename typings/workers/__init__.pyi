# Cloudflare's SDK, as far as Kiribi uses it.
from typing import Any

class Response:
    def __init__(self, body: str = "", *, status: int = 200) -> None: ...

class WorkerEntrypoint:
    ctx: Any
    env: Any
    def __init__(self, ctx: Any, env: Any) -> None: ...
