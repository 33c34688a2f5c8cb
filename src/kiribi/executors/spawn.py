"""A child process of our own kind, seen by its parent: spawned, spoken to in JSON frames, killed.

A frame is four bytes of length, big-endian, and that much JSON. `runtimes.parent` is the other end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Self, cast

from kiribi.executors.reaping import reaped
from kiribi.job import Exit

Frame = Mapping[str, Any]

LAST_WORDS = 0.2
"""Seconds to read what a dead child had sent: its own children may hold the socket open."""


def packed(frame: Frame) -> bytes:
    """A frame as it goes over the wire."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    return len(body).to_bytes(4, "big") + body


class Child:
    """A spawned `python -m module`, in a process group of its own.

    The group goes with it when it is killed, and a Ctrl-C in the terminal does not reach it.

    Attributes:
        allowed: False while a child imports the application: a script that performs jobs as it
            is imported would otherwise spawn children for ever.
    """

    allowed: ClassVar[bool] = True

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.pid = process.pid
        self._reader = reader
        self._writer = writer
        self._exit = reaped(process)
        self._exit.add_done_callback(self._exited)

    @classmethod
    async def spawn(cls, module: str) -> Self:
        """Start it. What it prints goes to this process's standard error.

        Raises:
            RuntimeError: this is a child that imports its application.
        """
        if not cls.allowed:
            raise RuntimeError(
                "a child process imports this application and cannot start another: "
                "put what the program does under `if __name__ == '__main__':`"
            )
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = started(module, theirs)
        except BaseException:
            ours.close()
            raise
        return cls(process, *await asyncio.open_connection(sock=ours))

    def send(self, frame: Frame) -> None:
        """Send a frame; a dead child doesn't hear it."""
        if not self._writer.is_closing():
            self._writer.write(packed(frame))

    async def receive(self) -> Frame | None:
        """The next frame; None when the child is gone."""
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            return cast("Frame", json.loads(await self._reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    @property
    def lives(self) -> bool:
        """Its end has not been noticed."""
        return not self._exit.done()

    def kill(self) -> None:
        """SIGKILL, for its whole process group."""
        if self.lives:
            self._kill_group()

    async def ended(self) -> Exit:
        """Wait for its end, let go of it; how it ended."""
        exit = await asyncio.shield(self._exit)
        self._writer.transport.abort()
        return exit

    def _exited(self, _: object) -> None:
        self._kill_group()  # what it started and left behind
        asyncio.get_running_loop().call_later(LAST_WORDS, self._writer.transport.abort)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def started(module: str, connection: socket.socket) -> subprocess.Popen[bytes]:
    """A child with its end of a socket."""
    return subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", module, str(connection.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=2,
        pass_fds=[connection.fileno()],
        process_group=0,
    )
