"""`executor = "process"`: in a child process that can be killed."""

from __future__ import annotations

from typing import Any

from kiribi._attempt import Running
from kiribi.errors import NotSupported
from kiribi.performer import Performer


class ProcessExecutor:
    """One spawned child a slot; the application is imported anew in it."""

    def __init__(self, source: str, slots: int) -> None:
        self._source = source
        self._slots = slots

    async def run(self, attempt: Running, performer: Performer, payload: Any) -> Any:
        """See `ports.Executor`."""
        raise NotSupported("child processes are on their way")

    async def close(self) -> None:
        """End the children."""
