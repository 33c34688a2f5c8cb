"""A TCP proxy before a server: it severs connections, lets them hang, or loses answers."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit

CHUNK = 1 << 16


class Proxy:
    """Runs in the loop that enters it; `url` leads through it.

    Attributes:
        refusing: new connections are cut at once.
        delay: seconds that each piece waits, either way.
        loses: the next answer of the server that has this within is not passed on, but its
            connection cut.
        spares: but so many of these before.
        accepted: connections so far.
    """

    def __init__(self, server: str) -> None:
        self._parts = urlsplit(server)
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._flowing = asyncio.Event()
        self.refusing = False
        self.delay = 0.0
        self.loses: bytes | None = None
        self.spares = 0
        self.accepted = 0

    async def __aenter__(self) -> Self:
        self.resume()
        listener = self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        user, at, _ = self._parts.netloc.rpartition("@")
        self.url = self._parts._replace(netloc=f"{user}{at}127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listener.close()
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def sever(self) -> None:
        """Cut every connection."""
        for writer in self._open:
            writer.transport.abort()

    def hang(self) -> None:
        """Carry nothing any more: what is sent is accepted, and never answered."""
        self._flowing.clear()

    def resume(self) -> None:
        """Carry new connections; those that hang stay dead."""
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            await self._connected(reader, writer)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            del self._open[writer]
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self._flowing
        await flowing.wait()
        if self.refusing:
            return
        answers, server = await asyncio.open_connection(
            self._parts.hostname, self._parts.port or 5432
        )
        ways = [
            asyncio.create_task(self._carry(reader, server, flowing)),
            asyncio.create_task(self._carry(answers, writer, flowing, back=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            server.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flowing: asyncio.Event,
        *,
        back: bool = False,
    ) -> None:
        while piece := await reader.read(CHUNK):
            await flowing.wait()
            if self.delay:
                await asyncio.sleep(self.delay)
            if back and self._is_lost(piece):
                return
            writer.write(piece)
            await writer.drain()

    def _is_lost(self, piece: bytes) -> bool:
        if self.loses is None or self.loses not in piece:
            return False
        self.spares -= 1
        if self.spares >= 0:
            return False
        self.loses = None
        return True
