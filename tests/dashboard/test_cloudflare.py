"""A project as `kiribi init` makes it, in workerd: dashboard, REST and the command line at once."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.dashboard import steps
from tests.dashboard.conftest import Visit
from tests.dashboard.toolchain import STATIC
from tests.integration.cli_world import Shell
from tests.workers.dev import PYTHON_FLAGS, Dev, dev, until, wrangler
from tests.workers.require import require
from tests.workers.world import vendor

from kiribi.web.headers import HEADERS

TOKEN = "a-long-random-text-for-this-test"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Dev]:
    """Its README followed, with the runtime that is installed here."""
    require()
    if not (STATIC / "index.html").exists():
        pytest.skip("the dashboard is not built: make dashboard")
    folder = tmp_path_factory.mktemp("shop") / "my-shop"
    Shell(folder.parent)("init", "my-shop")
    path = folder / "wrangler.jsonc"
    config = json.loads(re.sub(r"(?m)//.*$", "", path.read_text("utf-8")))
    config["compatibility_flags"] = PYTHON_FLAGS
    path.write_text(json.dumps(config), "utf-8")
    (folder / ".dev.vars").write_text(f'KIRIBI_TOKEN="{TOKEN}"\n')
    vendor(folder, packages=True)
    wrangler("d1", "migrations", "apply", "my-shop", "--local", cwd=folder)
    with dev(path) as running:
        yield running


def ask(shop: Dev, path: str, body: Any = None, token: str = TOKEN) -> httpx.Response:
    return httpx.request(
        "GET" if body is None else "POST",
        f"{shop.url}/api/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )


def sign_in(shop: Dev, visit: Visit) -> Page:
    """A browser on the Overview, let in by the token."""
    page = visit(shop.url, expected=("401",))
    page.get_by_label("Access token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def test_the_dashboard(shop: Dev, visit: Visit) -> None:
    asked = {"binding": "SEND_MAIL", "payload": {"to": "nobody"}, "params": {"maxRetries": 1}}
    id = ask(shop, "enqueue", asked).json()["id"]
    assert ask(shop, f"jobs/{id}/result?timeout=30").json()["status"] == "FAILED", shop.log

    page = sign_in(shop, visit)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs").click()
    row = page.locator("table.jobs tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("nobody is no address")
    page.locator("td.name a").click()
    expect(page).to_have_url(re.compile(f"jobs/{id}"))
    page.reload()  # a path that is no file
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("#2")).to_be_visible()
    until(lambda: len(ask(shop, f"jobs/{id}").json()["result"]) == 2, 60, shop.log)
    page.reload()  # rather than wait for the pulse
    expect(page.locator("h1 + .status")).to_have_text("Failed")
    expect(page.get_by_text("Attempt 2")).to_be_visible()


def test_the_command_line(shop: Dev, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"KIRIBI_URL": shop.url, "KIRIBI_TOKEN": TOKEN})

    def read(*words: str) -> Any:
        return json.loads(shell(*words, "--json").out)

    sent = shell("enqueue", "SEND_MAIL", '{"to": "ada@example.org"}', "--wait")
    assert json.loads(sent.out) == {"accepted": "ada@example.org"}
    later = [
        shell("enqueue", "SEND_MAIL", '{"to": "x@y"}', "--first-delay", "1h").out.strip()
        for _ in range(2)
    ]
    reasons = read("explain", later[0])["reasons"]
    assert [reason["code"] for reason in reasons] == ["due_later"]  # and it is served
    assert shell("jobs", "logs", read("jobs", "list", "-s", "COMPLETED", "-n", "1")["id"]).out
    # a bulk action is carried out by the queue's consumer, long before the next tick
    assert shell("jobs", "cancel", "-b", "SEND_MAIL", "-s", "PENDING", "-y").out == "cancelled: 2\n"
    assert read("jobs", "show", later[1])["status"] == "CANCELLED"
    assert (read("actions", "list")["status"], read("stats")["cancelled"]) == ("DONE", 2)
    assert read("limit", "SEND_MAIL", "--concurrency", "3")["limits"] == {"concurrency": 3}
    assert read("workers")["bindings"] == ["SEND_MAIL"]  # the platform, whatever is running
    made = read("schedules", "create", "daily", "SEND_MAIL", '{"to": "x@y"}', "--cron", "0 9 * * *")
    assert read("schedules", "show", "daily") == made
    assert read("sweep", "--older-than", "0", "-s", "CANCELLED") == {"count": 2}
    misspelt = shell("enqueue", "SEND_MALE", code=2).err
    assert misspelt.startswith(
        "error: BINDING: 'SEND_MALE' is not allowed; did you mean SEND_MAIL?"
    )
    assert "the token is wrong" in shell("jobs", "list", "--token", "wrong", code=1).err


def test_code_is_public_and_data_is_not(shop: Dev) -> None:
    for path in ("/", "/jobs/any", "/icon.svg"):
        page = httpx.get(shop.url + path)
        assert page.status_code == 200
        given = {name: page.headers.get(name) for name in HEADERS}
        assert given == HEADERS, path
    for path in ("me", "bindings", "jobs/any", "openapi.json"):
        assert ask(shop, path, token="wrong").status_code == 401, path
        assert httpx.get(f"{shop.url}/api/{path}", timeout=60).status_code == 401, path
    assert httpx.get(f"{shop.url}/api/nothing").status_code == 401
    assert ask(shop, "nothing").status_code == 404


def test_every_page_and_what_is_done_there(shop: Dev, visit: Visit) -> None:
    """What breaks is seen, mended and run again; the rest is steered: all in one sitting."""
    wrong = {"binding": "SEND_MAIL", "payload": {"to": "nowhere"}, "params": {"maxRetries": 1}}
    ids = [job["id"] for job in ask(shop, "enqueue-many", [wrong] * 2).json()]
    for id in ids:
        assert ask(shop, f"jobs/{id}/result?timeout=30").json()["status"] == "FAILED", shop.log
    later = {**wrong, "payload": {"to": "x@y"}, "params": {"firstDelay": 3_600_000}}
    assert ask(shop, "enqueue-many", [later] * 55).status_code == 201
    page = sign_in(shop, visit)

    steps.go(page, "Failures")
    cause = page.locator("tbody tr").filter(has_text="ValueError")
    expect(cause).to_contain_text("nowhere is no address")
    cause.get_by_role("button", name="Traceback").click()
    expect(page.locator("tr.trace pre")).to_contain_text("entry.py")
    cause.get_by_role("button", name="Retry all").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    page.locator(".notice").get_by_role("link", name="Actions").click()
    done = page.get_by_role("table", name="Actions").locator("tbody tr").first
    expect(done.locator(".state")).to_have_text("Done")
    expect(done).to_contain_text("Retry")
    for id in ids:
        again = f"jobs/{id}"
        until(lambda path=again: len(ask(shop, path).json()["result"]) == 2, 30, shop.log)

    page.goto(f"{shop.url}/jobs?q=status:PENDING")
    steps.act_on_all_that_match(page, "Cancel", "Cancel 55 jobs?")
    expect(done).to_contain_text("Cancel status: PENDING")
    expect(done.locator(".state")).to_have_text("Done")
    expect(done.locator(".done")).to_contain_text("55 / 55")

    page.goto(f"{shop.url}/jobs/{ids[0]}")
    steps.duplicate(page, '{"to": "ada@example.org"}')
    expect(page.locator("h1 + .status")).to_have_text("Completed", timeout=30_000)
    expect(page.locator(".logs")).to_contain_text("sending to ada@example.org")
    copy = page.url
    assert not copy.endswith(ids[0])
    steps.delete_job(page)
    expect(page).to_have_url(f"{shop.url}/jobs/{ids[0]}")
    assert ask(shop, f"jobs/{copy.rpartition('/')[2]}").status_code == 404

    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New job")
    dialog.get_by_label("Binding").fill("SEND_MAIL")
    dialog.get_by_label("Payload (JSON)").fill('{"to": "grace@example.org"}')
    dialog.get_by_text("More options").click()
    dialog.get_by_label("First delay (s)").fill("3600")
    dialog.get_by_role("button", name="Enqueue").click()
    expect(page.locator(".why")).to_contain_text("due in 59m")
    page.keyboard.press("c")
    expect(page.locator("h1 + .status")).to_have_text("Cancelled")

    steps.go(page, "Bindings")
    steps.pause(page, "SEND_MAIL")
    steps.resume(page, "SEND_MAIL", "1 worker")
    steps.binding(page, "SEND_MAIL").get_by_role("link", name="SEND_MAIL").click()
    expect(page.locator(".joblines li").first).to_contain_text("is no address")

    steps.go(page, "Schedules")
    row = steps.make_schedule(page, "hourly", "SEND_MAIL", 3600, '{"to": "x@y"}')
    row.get_by_role("button", name="Run now").click()
    expect(row.locator(".lastjob a")).to_be_visible()
    row.get_by_role("button", name="Pause").click()
    expect(row.locator(".state")).to_contain_text("Paused")
    steps.delete_schedule(page, "hourly")

    steps.go(page, "Workers")
    expect(page.locator("tbody tr").first).to_contain_text("SEND_MAIL")
