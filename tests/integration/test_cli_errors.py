"""Mistakes on the command line: what is said, the exit code, and that nothing was changed."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import APP, Shell, rows

from kiribi import Kiribi
from kiribi.cli import main
from kiribi.stores._statements import migrations

JOB = "01900000-0000-7000-8000-00000000000a"
NOBODY = "01900000-0000-7000-8000-000000000000"


def transcript() -> Iterator[tuple[str, str, int]]:
    """From the transcript: the words, what is said, the exit code."""
    text = Path(__file__).with_name("mistakes.txt").read_text("utf-8")
    text = text.replace("{JOB}", JOB).replace("{NOBODY}", NOBODY)
    text = text.replace("{VERSION}", str(len(migrations("sqlite"))))
    for entry in text.strip().split("\n\n"):
        match = re.fullmatch(r"\$ kiribi (.+?)\n(.+\n)exit (\d)", entry, re.DOTALL)
        assert match, entry
        yield match[1], match[2], int(match[3])


CASES = list(transcript())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder: an application, a broken one, a database with one job."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "app.py").write_text(APP)
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "raising.py").write_text("import json\njson.loads(nope)\n")
    (folder / "wrong.py").write_text(
        "import kiribi\nclass Wrong(kiribi.Performer):\n"
        "    timeout = 0\n    def perform(self, payload): ...\n"
    )
    (folder / "latin1.json").write_bytes(b'"\xe9"')
    (folder / "large.json").write_text(f'"{"x" * 1_000_002}"')
    before = Path.cwd()
    os.chdir(folder)
    asyncio.run(enqueue())
    Path("newer.db").write_bytes(Path("kiribi.db").read_bytes())
    newer()
    yield folder
    os.chdir(before)


async def enqueue() -> None:
    async with Kiribi.connect("sqlite:///kiribi.db") as kiribi:
        await kiribi.enqueue("ECHO", 1, id=JOB)


def newer() -> None:
    import apsw

    connection = apsw.Connection("newer.db")
    connection.execute("UPDATE meta SET value = 99 WHERE key = 'schema_version'")
    connection.close()


def everything(folder: Path) -> tuple[list[str], dict[str, list[Any]]]:
    """The files, but those beside a database, and all rows."""
    passing = re.compile(r"newer.*|.*-(wal|shm)|__pycache__")
    files = sorted(path.name for path in folder.iterdir() if not passing.fullmatch(path.name))
    return files, rows(folder / "kiribi.db")


@pytest.mark.parametrize(("words", "said", "code"), CASES, ids=[words for words, _, _ in CASES])
def test_mistake(
    words: str, said: str, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(folder)
    assert main(shlex.split(words)) == code
    out, err = capsys.readouterr()
    assert err == said
    assert out == ""
    assert everything(folder) == before


def test_a_mistake_in_a_process(folder: Path) -> None:
    done = Shell(folder)("enqueue", "X", "--priority", "11", code=2)
    assert done.err == "error: --priority: 11 is not allowed; give a whole number from 0 to 9\n"


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in ("serve", "dev"):
            done = Shell(folder)(command, "--port", str(port), "-d", "sqlite:///p.db", code=2)
            assert done.err.splitlines()[-1].startswith(
                f"error: --port: {port} is not allowed; 127.0.0.1:{port} cannot be listened on"
            )


def test_an_unknown_error_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the disk\nis on fire")

    monkeypatch.setattr("kiribi.cli.jobs.run", broken)
    assert main(["jobs", "list"]) == 1
    assert capsys.readouterr().err == (
        "error: RuntimeError: the disk is on fire (kiribi --debug … shows where)\n"
    )
    with pytest.raises(RuntimeError):
        main(["--debug", "jobs", "list"])
