"""The parent process, seen by a child of our own kind: a child never outlives its parent."""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import NoReturn, Self, cast

from kiribi.application import Application, load
from kiribi.executors.spawn import Child, Frame, packed
from kiribi.runtimes.logs import log_to_stderr

PR_SET_PDEATHSIG = 1
ORPHANED = 75
"""Exit code of a child whose parent is gone (EX_TEMPFAIL)."""


class Parent:
    """The socket to the parent; see `executors.spawn`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    @classmethod
    def attach(cls) -> Self:
        """Take the socket named on the command line, and tie this process's life to the parent's.

        The parent decides when to stop, so the signals that a terminal or service manager sends
        to all processes are not heard. They are handled, not ignored, which subprocesses would
        inherit.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            usual = signal.signal(number, _left_to_parent)
            # A `multiprocessing` child must hear its own parent.
            os.register_at_fork(after_in_child=partial(signal.signal, number, usual))
        if sys.platform == "linux":
            # Comes even while C code holds the GIL, and the thread of `watch` starves.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        connection = socket.socket(fileno=int(sys.argv[1]))
        connection.set_inheritable(False)
        # It goes to the parent's standard error, line by line, so that nothing is lost by a kill.
        cast("io.TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
        return cls(connection)

    def send(self, frame: Frame) -> None:
        """Send a frame, from any thread."""
        data = packed(frame)
        with self._sending:
            try:
                self._connection.sendall(data)
            except OSError:
                _orphaned()

    def receive(self) -> Frame:
        """The next frame; ends this process when the parent is gone."""
        size = int.from_bytes(self._exactly(4), "big")
        return cast("Frame", json.loads(self._exactly(size)))

    def watch(self, heard: Callable[[Frame], object]) -> None:
        """Receive in a thread from now on."""

        def listen() -> None:
            while True:
                heard(self.receive())

        threading.Thread(target=listen, name="kiribi-parent", daemon=True).start()

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = self._connection.recv(min(size - len(data), 1 << 20))
            except OSError:
                part = b""
            if not part:
                _orphaned()
            data += part
        return bytes(data)


def imported(source: str) -> Application:
    """The application, in a child: importing it must not start children of its own.

    Raises:
        InvalidApplication: see `application.load`.
    """
    Child.allowed = False
    try:
        application = load(source)
    finally:
        Child.allowed = True
    log_to_stderr()  # unless it has arranged for its logs
    return application


def _left_to_parent(number: int, frame: FrameType | None) -> None:
    """The parent hears the signal too, or sent it to the wrong process."""


def _orphaned() -> NoReturn:
    os._exit(ORPHANED)
