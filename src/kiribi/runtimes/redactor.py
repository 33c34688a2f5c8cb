"""`Kiribi.redact` of an application that this process does not import: a child answers for it.

Asked and answered at once, by a blocking call on a socket of its own: REST shows a payload between
two awaits. The child is for `kiribi dev` alone; elsewhere REST has the application at hand.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import Any, Self

from kiribi.errors import KiribiError
from kiribi.executors.spawn import packed, started
from kiribi.manager import Kiribi
from kiribi.runtimes.member import NotStarted
from kiribi.runtimes.parent import Parent, imported
from kiribi.web.wire import redacted

logger = logging.getLogger("kiribi")

START_SECONDS = 60.0
SECONDS = 2.0
"""What a redaction may take: everything else waits for it."""


NO_ANSWER = "payloads are hidden until the next save: redact gave no answer: %s"


class Redactor:
    """A child that has imported the application."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._redacts = True
        self._lost = False

    @classmethod
    def start(cls, source: str) -> Self:
        """Start it; blocks until it has imported the application.

        Raises:
            NotStarted: the application cannot be loaded.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            redactor = cls(started(__name__, theirs), ours)
        try:
            answer = redactor._asked({"source": source}, START_SECONDS)
        except OSError as error:
            answer = {"broken": f"the process that redacts did not start: {error}"}
        if "broken" in answer:
            redactor.close()
            raise NotStarted(answer["broken"])
        redactor._redacts = answer["redacts"]
        if not redactor._redacts:
            redactor.close()
        return redactor

    def redact(self, binding: str, payload: Any) -> Any:
        """What may be shown of a payload; nothing of it while the child cannot say."""
        if not self._redacts:
            return payload
        if self._lost:
            return None
        try:
            return self._asked({"binding": binding, "payload": payload}, SECONDS)["shown"]
        except OSError as error:
            logger.error(NO_ANSWER, error)  # noqa: TRY400 - the rest says nothing
            self.close()
            return None

    def close(self) -> None:
        """End it."""
        if self._lost:
            return
        self._lost = True
        self._connection.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _asked(self, frame: dict[str, Any], seconds: float) -> dict[str, Any]:
        self._connection.settimeout(seconds)
        self._connection.sendall(packed(frame))
        size = int.from_bytes(self._exactly(4), "big")
        return json.loads(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            if not part:
                raise ConnectionResetError("its process has ended")
            data += part
        return bytes(data)


def main() -> None:
    """Redact until the parent closes, or is gone."""
    parent = Parent.attach()
    try:
        application = imported(parent.receive()["source"])
    except KiribiError as error:
        parent.send({"broken": str(error)})
        return
    kiribi = application.manager(None, os.environ)
    parent.send({"redacts": type(kiribi).redact is not Kiribi.redact})
    while True:
        asked = parent.receive()
        binding, payload = asked["binding"], asked["payload"]
        shown = redacted(binding, payload, kiribi.redact, f"a payload of {binding}")
        parent.send({"shown": shown})


if __name__ == "__main__":
    main()
