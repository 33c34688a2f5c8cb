"""Enqueuer, manager and performers in one Worker. Also runs under `kiribi dev src/entry.py`."""

from typing import Any
from urllib.parse import urlsplit

from kiribi import Discard, Kiribi, Performer


class SendMail(Performer):
    async def perform(self, payload: dict[str, Any]) -> str:
        if "@" not in payload["to"]:
            raise Discard(f"{payload['to']} is no address")
        # a service that takes an idempotency key sends it once, however often we ask
        return await self.once("send", lambda key: f"accepted as {key}")


class MakeThumbnail(Performer):
    executor = "process"  # an invocation of its own, with its own limit of CPU time

    def perform(self, payload: dict[str, Any]) -> dict[str, str]:
        return {"thumbnail": payload["image"].replace(".png", ".small.png")}


class Default(Kiribi):
    async def on_request(self, request: Any) -> Any:
        """Take orders, and tell what became of them; all else is left to REST."""
        from workers import Response

        path = urlsplit(request.url).path
        if path == "/order" and request.method == "POST":
            order = await request.json()
            mail, thumbnail = await self.enqueue_many(
                [
                    (SendMail, {"to": order["to"]}),
                    (MakeThumbnail, {"image": order["image"]}),
                ]
            )
            return Response.json({"mail": mail.id, "thumbnail": thumbnail.id})
        if path.startswith("/jobs/"):
            job = await self.find(path.removeprefix("/jobs/"))
            if job is None:
                return Response("there is no such job", status=404)
            return Response.json({"status": job.status.value, "result": job.result})
        return None
