"""What waiting costs: the memory of a supervisor and of its worker child."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.integration.cli_world import Shell, until

MB = 1024  # in the kilobytes of /proc


def peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc, which Linux has")
def test_a_supervisor_has_left_the_command_line_behind(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from kiribi import Performer\n\n\nclass Echo(Performer):\n"
        "    async def perform(self, payload):\n        return payload\n",
        "utf-8",
    )
    shell = Shell(tmp_path, {})
    with shell.start("worker", "app.py") as worker:
        assert shell("enqueue", "ECHO", "1", "--wait").out == "1\n"
        supervisor = worker.process.pid
        assert b"kiribi.runtimes.supervise" in Path(f"/proc/{supervisor}/cmdline").read_bytes()
        assert b"sqlite" not in Path(f"/proc/{supervisor}/cmdline").read_bytes()
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children")
        [child] = until(lambda: children.read_text("ascii").split(), lambda: "no child")
        assert peak(supervisor) <= 40 * MB
        assert peak(int(child)) <= 90 * MB
        assert worker.end() == 0
