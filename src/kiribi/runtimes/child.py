"""The main of a worker child: the application, its store and a worker, under a supervisor."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from concurrent.futures import Future

from kiribi.application import Application
from kiribi.errors import KiribiError
from kiribi.executors.spawn import Frame
from kiribi.manager import Kiribi
from kiribi.performer import performers_in
from kiribi.runtimes.parent import Parent, imported
from kiribi.runtimes.worker import Worker
from kiribi.stores import open_store

logger = logging.getLogger("kiribi")


class Broken(KiribiError):
    """The application cannot be served."""


def main() -> None:
    """Serve until the supervisor says stop, or is gone."""
    parent = Parent.attach()
    orders = parent.receive()
    stop: Future[float] = Future()
    parent.watch(lambda frame: None if stop.done() else stop.set_result(frame["stop"]))
    code = 1
    try:
        application = imported(orders["source"])
        code = asyncio.run(_serve(parent, orders, application, stop))
    except KiribiError as error:
        parent.send({"broken": str(error)})
    except Exception:
        logger.exception("the worker process failed")
    # Threads that do not end must not keep the process: the supervisor waits for its end.
    sys.stdout.flush()
    os._exit(code)


async def _serve(
    parent: Parent, orders: Frame, application: Application, stop: Future[float]
) -> int:
    kiribi = application.manager(None, os.environ)
    performers = performers_in(application.module).values()
    kiribi.bind(*await open_store(orders["database"]), performers)
    kiribi.source = application.source
    worker = Worker(
        kiribi,
        concurrency=orders["concurrency"],
        bindings=orders["bindings"],
        worker_id=orders["worker"],
        tell=parent.send,
    )
    await _start(worker)
    parent.send({"ready": _presented(kiribi, worker)})
    asked = asyncio.wrap_future(stop)
    lost = asyncio.ensure_future(worker.lost.wait())
    await asyncio.wait({asked, lost}, return_when=asyncio.FIRST_COMPLETED)
    left = await worker.stop(asked.result() if asked.done() else 0)
    if not left:
        await kiribi.close()
    return 1 if lost.done() else 0


async def _start(worker: Worker) -> None:
    try:
        await worker.__aenter__()
    except KiribiError:
        raise
    except Exception as error:
        raise Broken(f"its lifespan raised {type(error).__name__}: {error}") from error


def _presented(kiribi: Kiribi, worker: Worker) -> Frame:
    return {
        "bindings": worker.bindings,
        "slots": worker.slots,
        "retention": kiribi.retention,
    }


if __name__ == "__main__":
    main()
