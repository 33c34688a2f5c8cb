"""Bulk actions and batches from a shell."""

from __future__ import annotations

import asyncio
import getpass
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import APP, Shell, until

from kiribi import ActionStatus, Kiribi

NUMBER = 40_000


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "app.py").write_text(APP)
    shell = Shell(tmp_path)
    shell("migrate")
    return shell


def enqueued(shell: Shell, number: int, binding: str = "CROWD") -> None:
    async def enqueue() -> None:
        async with Kiribi.connect(f"sqlite:///{shell.folder}/kiribi.db") as kiribi:
            await kiribi.enqueue_many([(binding, None)] * number)

    asyncio.run(enqueue())


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_by_a_filter_it_is_recorded(shell: Shell) -> None:
    enqueued(shell, 3)
    told = json.loads(shell("jobs", "cancel", "-b", "CROWD", "--yes", "--json").out)
    [recorded] = lines(shell("actions", "list", "--json").out)
    assert told["action"] == recorded
    assert len(told["done"]) == recorded["done"] == 3
    assert (recorded["kind"], recorded["status"]) == ("cancel", "DONE")
    assert recorded["who"] == f"{getpass.getuser()}@{socket.gethostname()}"
    shown = shell("actions", "show", recorded["id"])
    assert "DONE" in shown.out
    assert json.loads(shell("actions", "show", recorded["id"], "--json").out) == recorded
    again = shell("jobs", "cancel", "-b", "CROWD", "-s", "CANCELLED", "--yes")
    assert again.out == "cancelled: 0\n"
    assert again.err.startswith("skipped: 3, such as: cannot cancel job")
    ended = shell("actions", "abort", recorded["id"], code=1)
    assert "is DONE: only running ones can be aborted" in ended.err
    assert shell("actions", "list").out.count("cancel") == 2


def test_in_the_background_whoever_serves_carries_it_out(shell: Shell) -> None:
    enqueued(shell, 1_500)
    id = shell("jobs", "delete", "-b", "CROWD", "--yes", "--background").out.strip()

    def shown() -> Any:
        return json.loads(shell("actions", "show", id, "--json").out)

    assert (shown()["status"], shown()["matched"]) == ("RUNNING", 0)
    with shell.start("serve", "--port", "0", "--read-only") as serving:
        serving.heard("REST API")
        assert shown()["matched"] == 0
        assert serving.end() == 0
    with shell.start("serve", "--port", "0") as serving:
        done = until(lambda: one if (one := shown())["status"] == "DONE" else None, str)
        assert (done["matched"], done["done"]) == (1_500, 1_500)
        assert serving.end() == 0


def test_one_that_nobody_has_begun_can_be_aborted(shell: Shell) -> None:
    enqueued(shell, 2)
    id = shell("jobs", "retry", "-b", "CROWD", "--yes", "--background").out.strip()
    assert shell("actions", "abort", id).out == "aborted after 0 jobs\n"


def test_ctrl_c_aborts_it(shell: Shell) -> None:
    enqueued(shell, NUMBER)

    async def interrupt() -> None:
        async with Kiribi.connect(f"sqlite:///{shell.folder}/kiribi.db") as kiribi:
            with shell.start("jobs", "cancel", "-b", "CROWD", "--yes") as cancelling:
                while not (found := await kiribi.actions()) or not found[0].matched:
                    assert cancelling.process.poll() is None, cancelling.said
                    await asyncio.sleep(0.005)
                assert cancelling.end(signal.SIGINT) == 130
                assert f"aborted action {found[0].id}" in cancelling.said
            [action] = await kiribi.actions()
            assert action.status is ActionStatus.ABORTED
            cancelled = await kiribi.count({"status": "CANCELLED", "binding": "CROWD"})
            assert 0 < action.matched == action.done == cancelled.value < NUMBER

    asyncio.run(interrupt())


def test_chains_and_batches(shell: Shell) -> None:
    first = shell("enqueue", "ECHO", "1").out.strip()
    last = shell("enqueue", "ECHO", "2", "--after", first, "--after-failed", "run").out.strip()
    assert f"It waits for 1 job: {first} (PENDING)." in shell("explain", last).out
    assert shell("batch", last).out == (
        f"0 of 1 have ended (0%)\n  1 PENDING\nthen ECHO {last}: PENDING\n"
    )
    shell("jobs", "cancel", first)
    told = json.loads(shell("batch", last, "--json").out)
    assert (told["id"], told["counts"], told["progress"]) == (last, {"CANCELLED": 1}, 1.0)
    assert told["callback"]["status"] == "PENDING"
    assert "no slot" not in shell("explain", last).out
