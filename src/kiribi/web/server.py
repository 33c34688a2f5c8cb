"""Run the web application on an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

import uvicorn

from kiribi.errors import InvalidInput
from kiribi.web.app import create_app
from kiribi.web.guard import ANY_ADDRESS, LOOPBACK_NAMES

if TYPE_CHECKING:
    from kiribi.manager import Kiribi

PORT = 8787
TRIES = 20
"""Ports tried after `PORT` before the system chooses one."""
MAX_PORT = 65_535
GRACE_SECONDS = 5
"""How long open requests may take to end at shutdown."""


async def serve(
    kiribi: Kiribi,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    read_only: bool = False,
    allowed_hosts: Sequence[str] = (),
    root_path: str = "",
    announce: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until `stop` is set or the task is cancelled; both end it gracefully.

    It installs no signal handlers: the caller turns signals into `stop`.

    Args:
        kiribi: a connected manager.
        host: the address to listen on; any but loopback needs a `token`.
        port: by default 8787 or the next free one; a given port is used or refused.
        token: what clients must present; None lets everybody on this machine in.
        read_only: answer, but change nothing.
        allowed_hosts: names, beside this machine's own, under which browsers may ask.
        root_path: the path prefix under which a proxy publishes the application.
        announce: called with the URL once connections are accepted.

    Raises:
        InvalidInput: the address is public and there is no token, or it cannot be listened on.
    """
    if not token and not is_loopback(host):
        raise InvalidInput(
            "host",
            host,
            "without a token only this machine is let in (127.0.0.1): set KIRIBI_TOKEN to a long "
            "random text to listen on other addresses",
        )
    app = create_app(
        kiribi,
        token=token,
        read_only=read_only,
        allowed_hosts=(*_own_names(host), *allowed_hosts),
    )
    server = _Server(
        uvicorn.Config(
            app,
            root_path=root_path.rstrip("/"),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    listening = listen(host, port)
    url = f"{_url(host, listening)}{root_path.rstrip('/')}/"
    server.announce = (lambda: announce(url)) if announce else None
    serving = asyncio.ensure_future(server.serve([listening]))
    stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        app.state.events.close()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    announce: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.announce is not None:
            self.announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals belong to the caller of `serve`."""
        yield


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`.

    Raises:
        InvalidInput: no such address.
    """
    return all(ipaddress.ip_address(address).is_loopback for _, address in _resolved(host))


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket on `port`, or without one on the first free port from 8787.

    Raises:
        InvalidInput: the port is taken, or may not be listened on.
    """
    family, address = _resolved(host)[0]
    if port is not None:
        if not 0 <= port <= MAX_PORT:
            raise InvalidInput("port", port, f"give a whole number from 0 to {MAX_PORT:,}")
        try:
            return _bound(family, address, port)
        except OSError as error:
            raise InvalidInput(
                "port", port, f"{host}:{port} cannot be listened on ({error})"
            ) from None
    for free in (*range(PORT, PORT + TRIES), 0):
        with contextlib.suppress(OSError):
            return _bound(family, address, free)
    raise InvalidInput("host", host, "it cannot be listened on")


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # Only of a socket that says it is TCP does asyncio turn Nagle's delay off: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _resolved(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise InvalidInput("host", host, f"give an address of this machine ({error})") from None
    return [(family, str(address[0]).partition("%")[0]) for family, *_, address in found]


def _own_names(host: str) -> tuple[str, ...]:
    """The names under which a server on `host` may be asked for."""
    if is_loopback(host):
        return (*LOOPBACK_NAMES, host)
    # An attacker's page comes by a name of its own, never by a bare address.
    return (*LOOPBACK_NAMES, ANY_ADDRESS, host, socket.gethostname())


def _url(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
