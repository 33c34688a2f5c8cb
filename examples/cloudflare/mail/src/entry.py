"""A performer in a Worker of its own: it has no database and no queue."""

from dataclasses import dataclass

from kiribi import Discard, Performer


@dataclass
class Mail:
    to: str
    text: str


class SendMail(Performer):
    max_attempts = 5

    async def perform(self, payload: Mail) -> str:
        if "@" not in payload.to:
            raise Discard(f"{payload.to} is no address")
        self.log(f"sending to {payload.to}")
        return await self.once("send", lambda key: f"accepted as {key}")
