"""The manager, and a performer of its own. Also runs under `kiribi dev src/entry.py`."""

from typing import Any

from kiribi import Kiribi, Performer


class CountWords(Performer):
    async def perform(self, payload: dict[str, Any]) -> int:
        return len(str(payload["text"]).split())


class Default(Kiribi):
    async def on_success(self, binding: str, payload: Any, result: Any, meta: Any) -> None:
        # every mail that was sent is counted, by another job
        if binding == "SEND_MAIL":
            await self.enqueue("COUNT_WORDS", {"text": payload["text"]})
