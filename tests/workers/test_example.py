"""`examples/cloudflare`: four Workers, as its README says."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

from tests.integration.cli_world import Shell
from tests.workers.dev import PYTHON_FLAGS, dev, until, wrangler
from tests.workers.require import require
from tests.workers.world import vendor

EXAMPLE = Path(__file__).parents[2] / "examples" / "cloudflare"


def test_four_workers(tmp_path: Path) -> None:
    require()
    example = tmp_path / "example"
    shutil.copytree(EXAMPLE, example)
    Shell(example)("init", "--migrations", "jobs")
    for name in ("jobs", "mail"):
        path = example / name / "wrangler.jsonc"
        config = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**config, "compatibility_flags": PYTHON_FLAGS}), "utf-8")
        vendor(example / name, packages=name == "mail")  # its payload is a dataclass: pydantic
    state = tmp_path / "state"
    wrangler(
        *("d1", "migrations", "apply", "jobs", "--local", "--persist-to", str(state)),
        cwd=example / "jobs",
    )
    configs = [example / name / "wrangler.jsonc" for name in ("shop", "jobs", "mail", "thumbnails")]
    with dev(*configs, state=state) as running:

        def ask(path: str, body: Any = None) -> Any:
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(running.url + path, data, timeout=60) as response:
                return json.load(response)

        def ended(id: str) -> Any:
            def look() -> Any:
                job = ask(f"/jobs/{id}")
                return job if job["finishedAt"] and job["status"] != "RETRY_PENDING" else None

            return until(look, 60, running.log[-3000:])

        order = ask("/order", {"to": "ada@example.org", "image": "ada.png"})
        mail = ended(order["mail"])
        assert mail["returnValue"] == f"accepted as {order['mail']}:send", mail
        assert ended(order["thumbnail"])["returnValue"] == {"thumbnail": "ada.small.png"}
        wrong = ended(ask("/order", {"to": "nobody", "image": "ada.png"})["mail"])
        assert (wrong["status"], wrong["attempts"], wrong["error"]["type"]) == (
            "FAILED",
            1,
            "Discard",
        )
