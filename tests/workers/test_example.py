"""`examples/cloudflare`: one Worker, and four, as its README says."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli_world import Shell
from tests.workers.dev import PYTHON_FLAGS, Dev, dev, until, wrangler
from tests.workers.require import require
from tests.workers.world import vendor

EXAMPLE = Path(__file__).parents[2] / "examples" / "cloudflare"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    require()
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def made(example: Path, name: str, *, packages: bool = False) -> Path:
    """A Python Worker of the example, for the runtime that is installed here."""
    path = example / name / "wrangler.jsonc"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, "compatibility_flags": PYTHON_FLAGS}), "utf-8")
    vendor(example / name, packages=packages)
    return path


def migrated(example: Path, name: str) -> Path:
    """The state with the tables of a manager."""
    Shell(example)("init", "--migrations", name)
    state = example / "state"
    wrangler(
        *("d1", "migrations", "apply", name, "--local", "--persist-to", str(state)),
        cwd=example / name,
    )
    return state


def ask(running: Dev, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(running.url + path, data, timeout=60) as response:
        return json.load(response)


def ended(running: Dev, id: str) -> Any:
    def look() -> Any:
        job = ask(running, f"/jobs/{id}")
        return job if job["status"] in ("COMPLETED", "FAILED") else None

    return until(look, 60, running.log[-3000:])


def test_one_worker(example: Path) -> None:
    one = made(example, "one")
    with dev(one, state=migrated(example, "one")) as running:
        order = ask(running, "/order", {"to": "ada@example.org", "image": "ada.png"})
        mail = ended(running, order["mail"])
        assert mail == {"status": "COMPLETED", "result": f"accepted as {order['mail']}:send"}
        assert ended(running, order["thumbnail"])["result"] == {"thumbnail": "ada.small.png"}
        wrong = ask(running, "/order", {"to": "nobody", "image": "ada.png"})["mail"]
        assert ended(running, wrong)["status"] == "FAILED"
        # what it leaves alone is REST's, and that is closed
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(running, "/api/bindings")
        with caught.value as refused:
            assert refused.code == 403


def test_four_workers(example: Path) -> None:
    python = {"jobs": made(example, "jobs")}
    python["mail"] = made(example, "mail", packages=True)  # its payload is a dataclass: pydantic
    state = migrated(example, "jobs")
    configs = [
        python.get(name, example / name / "wrangler.jsonc")
        for name in ("shop", "jobs", "mail", "thumbnails")
    ]
    with dev(*configs, state=state) as running:
        order = ask(running, "/order", {"to": "ada@example.org", "image": "ada.png"})
        mail = ended(running, order["mail"])
        assert mail["returnValue"] == f"accepted as {order['mail']}:send", mail
        thumbnail = ended(running, order["thumbnail"])
        assert thumbnail["returnValue"] == {"thumbnail": "ada.small.png"}
        order = ask(running, "/order", {"to": "nobody", "image": "ada.png"})
        wrong = ended(running, order["mail"])
        assert (wrong["status"], wrong["attempts"], wrong["error"]["type"]) == (
            "FAILED",
            1,
            "Discard",
        )
