"""The smallest application. `kiribi dev examples/hello/app.py`, then in another terminal:

kiribi enqueue SEND_MAIL '{"to": "ada@example.org"}' --wait
"""

from dataclasses import dataclass
from typing import Any

from kiribi import Exponential, Kiribi, Meta, Performer


@dataclass
class Mail:
    to: str
    subject: str = "Hello"


@dataclass
class Receipt:
    accepted: str


class SendMail(Performer):  # its binding is SEND_MAIL
    max_attempts = 5
    timeout = 30  # seconds
    retry_delay = Exponential(base=2, cap=3600)

    async def perform(self, payload: Mail) -> Receipt:
        if "@" not in payload.to:
            raise ValueError(f"{payload.to!r} is no address")
        self.log(f"sending {payload.subject!r} to {payload.to}")
        return Receipt(accepted=payload.to)


class Default(Kiribi):
    async def on_failure(
        self, binding: str, payload: Any, error: BaseException, meta: Meta
    ) -> None:
        if meta.is_final:
            print(f"{binding} {payload} failed for good: {error}")
