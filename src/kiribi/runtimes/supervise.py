"""`python -m kiribi.runtimes.supervise`: a supervisor in a process that has loaded little else.

What parses a command line weighs as much as all that supervising needs, and would stay for
months: `become` leaves it behind.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kiribi.errors import InvalidInput, KiribiError
from kiribi.runtimes.supervisor import Supervisor, run

ORDERS = "_KIRIBI_SUPERVISE"
"""The variable that carries the orders: a database URL does not belong on a command line."""


def become(
    source: str,
    database: str,
    *,
    processes: int,
    concurrency: int,
    bindings: Sequence[str] | None,
    grace: float,
) -> NoReturn:
    """Turn this process into a supervisor; arguments as of `supervisor.run`.

    Raises:
        InvalidInput: processes or concurrency below 1.
    """
    Supervisor(source, database, processes=processes, concurrency=concurrency)
    os.environ[ORDERS] = json.dumps(
        {
            "source": source,
            "database": database,
            "processes": processes,
            "concurrency": concurrency,
            "bindings": bindings,
            "grace": grace,
        }
    )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "kiribi.runtimes.supervise"])  # noqa: S606


def main() -> int:
    """Carry out the orders; the exit code, as of the command line."""
    orders = json.loads(os.environ.pop(ORDERS))
    try:
        return run(**orders)
    except KiribiError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, InvalidInput) else 1


if __name__ == "__main__":
    sys.exit(main())
