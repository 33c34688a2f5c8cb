"""The application: the same file on Cloudflare Workers and under `kiribi dev`."""

import logging
from typing import Any

from kiribi import Exponential, Kiribi, Meta, Performer

logger = logging.getLogger("my-jobs")


class SendMail(Performer):
    """Binding SEND_MAIL. `{"to": "ada@example.org"}`."""

    max_attempts = 5
    timeout = 30
    retry_delay = Exponential(base=2, cap=3600)

    async def perform(self, payload: dict[str, Any]) -> dict[str, str]:
        self.log(f"sending to {payload['to']}")
        if "@" not in payload["to"]:
            raise ValueError(f"{payload['to']} is no address")
        return {"accepted": payload["to"]}


class Default(Kiribi):
    """The manager."""

    async def on_failure(
        self, binding: str, payload: Any, error: BaseException, meta: Meta
    ) -> None:
        if meta.is_final:
            logger.error("%s %s: %s", binding, meta.id, error)
