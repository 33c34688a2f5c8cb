"""`kiribi schedules`, in this process, on a real file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import APP, TOKEN
from tests.integration.rest_world import Served

from kiribi.cli import main

Say = Callable[..., str]


@pytest.fixture(params=["database", "url"])
def say(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Say]:
    """Runs `kiribi schedules …`, there or through a server; what it prints."""
    monkeypatch.chdir(tmp_path)
    for name in ("KIRIBI_DATABASE_URL", "KIRIBI_URL", "KIRIBI_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "app.py").write_text(APP)

    def run(words: str, code: int = 0) -> str:
        if request.param == "url":
            # it has the application, and checks by it
            words = words.replace("--app app.py", "")
        assert main(["schedules", *shlex.split(words)]) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return err if code else out

    if request.param == "database":
        yield run
        return
    with Served(tmp_path / "served.db", token=TOKEN) as served:
        monkeypatch.setenv("KIRIBI_URL", served.url)
        monkeypatch.setenv("KIRIBI_TOKEN", TOKEN)
        yield run


def read(text: str) -> Any:
    return json.loads(text)


def test_made_shown_steered_deleted(say: Say) -> None:
    words = """create digest SEND_MAIL '{"to": "ann"}' --cron "0 9 * * 1-5" --tz Asia/Tokyo"""
    made = read(say(f"{words} --max-attempts 4 --no-overlap --app app.py --json"))
    assert (made["cron"], made["tz"], made["missed"]) == ("0 9 * * 1-5", "Asia/Tokyo", "once")
    assert (made["payload"], made["params"]) == ({"to": "ann", "tries": 1}, {"maxRetries": 4})
    assert made["overlap"] is False
    assert [read(line) for line in say("list --json").splitlines()] == [made]
    assert "0 9 * * 1-5 Asia/Tokyo" in say("list")
    shown = say("show digest")
    assert shown.startswith("digest: SEND_MAIL, 0 9 * * 1-5 Asia/Tokyo\n")
    assert " 09:00:00 JST" in shown

    times = read(say("next digest --json -n 3"))
    assert [time[11:] for time in times] == ["09:00:00+09:00"] * 3
    assert len(say("next digest").splitlines()) == 5

    assert say("pause digest") == "paused: digest\n"
    assert read(say("show digest --json"))["paused"] is True
    assert say("next digest") == ""
    job = read(say("run digest --json"))
    assert (job["schedule"], job["tick"], job["payload"]) == ("digest", None, made["payload"])
    assert "without overlap" in say("run digest", 1)
    assert say("resume digest").startswith("resumed: digest, next ")
    assert "last job" in say("show digest")

    edited = read(say("edit digest --cron '30 8 * * *' --missed skip --overlap --json"))
    assert (edited["cron"], edited["tz"]) == ("30 8 * * *", "Asia/Tokyo")
    assert (edited["missed"], edited["overlap"]) == ("skip", True)
    assert (edited["payload"], edited["params"]) == (made["payload"], made["params"])
    assert read(say("edit digest --every 5m --priority 3 --json"))["every"] == 300
    assert say("delete digest") == "deleted: digest\n"
    assert say("list") == "There are no schedules.\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("create x A", 2, "--cron: None is not allowed; give --cron or --every"),
        ("create x A --cron '0 25 * * *'", 2, "--cron hour: '25' is not allowed; give 0-23"),
        ("create x A --cron daily", 2, "--cron: 'daily' is not allowed; give five fields"),
        ("create x A --cron '* * * * *' --tz Asia/Tokio", 2, "did you mean 'Asia/Tokyo'"),
        ("create x A --tz Asia/Tokyo", 2, "--tz: 'Asia/Tokyo' is not allowed; give it together"),
        ("create x A --every 5m --tz UTC", 2, "--every: '5m' is not allowed; give either"),
        ("create x A --every soon", 2, "--every: 'soon' is not allowed; give a duration"),
        ("create x A --every 0.5s", 2, "--every: 0.5 is not allowed"),
        ("create x A --every 5m --missed never", 2, "--missed: 'never' is not allowed; give once"),
        ("create 'a b' A --every 5m", 2, "NAME: 'a b' is not allowed; give 1 to 100 of"),
        ("create x A --every 5m --priority 10", 2, "--priority: 10 is not allowed"),
        ("create x A '{' --every 5m", 2, "PAYLOAD: '{' is not allowed; give JSON"),
        ("create x NOBODY --every 5m --app app.py", 2, "BINDING: 'NOBODY' is not allowed"),
    ],
)
def test_mistakes(say: Say, words: str, code: int, says: str) -> None:
    assert says in say(words, code)
    assert not Path("kiribi.db").exists() or say("list") == "There are no schedules.\n"


def test_what_is_not_there(say: Say) -> None:
    say("create beat ECHO --every 1h")
    for words in ("show", "edit", "pause", "resume", "run", "delete", "next"):
        assert "schedule 'other' does not exist" in say(f"{words} other", 1)
    assert "there is one of this name" in say("create beat ECHO --every 2h", 1)
    say("create beat ECHO --every 1h")
    assert "--number: 0 is not allowed" in say("next beat -n 0", 2)
    assert len(say("run beat")) == 37
