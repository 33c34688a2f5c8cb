"""Who is let in, what they may do, where it is mounted, and what happens without the server."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.dashboard.conftest import Serve, Visit
from tests.dashboard.seed import Seed
from tests.dashboard.site import Site

TOKEN = "a-long-random-text-for-this-test"


def test_signing_in_once_and_out(serve: Serve, visit: Visit) -> None:
    site = serve(token=TOKEN)
    id = site.run(Seed(site.kiribi).failed)
    page = visit(f"{site.url}jobs/{id}", expected=("401",))
    page.get_by_label("Access token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Access token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_visible()
    assert TOKEN not in str(page.context.cookies())
    page.get_by_role("button", name="Language and theme").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access token")).to_be_visible()


def test_read_only_looks_read_only(serve: Serve, visit: Visit) -> None:
    site = serve(read_only=True)
    id = site.run(Seed(site.kiribi).failed)
    page = visit(f"{site.url}jobs")
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    expect(page.get_by_text("Read-only")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("button", name="New job")).to_have_count(0)
    for key in "jxrcdn":
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(f"{site.url}jobs/{id}")
    expect(page.get_by_role("link", name="Raw JSON")).to_be_visible()
    for name in ("Retry", "Delete", "Duplicate and edit"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


@pytest.mark.parametrize("prefix", ["/ops", "/ops/kiribi"])
def test_under_a_prefix(serve: Serve, visit: Visit, prefix: str) -> None:
    site = serve(prefix=prefix)
    id = site.run(Seed(site.kiribi).failed)
    page = visit(f"{site.url}jobs/{id}")
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs").click()
    expect(page).to_have_url(f"{site.url}jobs")
    page.get_by_role("link", name="Failed", exact=False).first.click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    page.locator("td.name a").click()
    expect(page.get_by_role("heading", name="SEND_MAIL")).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator("h1 + .status")).to_have_text("Pending")
    page.reload()
    expect(page.locator("h1 + .status")).to_have_text("Pending")


def test_a_lost_server_and_its_return(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit(f"{site.url}jobs", expected=("ERR_", "Failed to load"))
    rows = page.locator("table.jobs tbody tr")
    expect(rows).to_have_count(1)
    site.stop()
    expect(page.get_by_role("alert")).to_contain_text("No connection to the server.")
    expect(rows).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    site.run(seed.pending)
    site.start()
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.get_by_text("Retrying 1 job.")).to_be_visible()


def test_a_lost_server_is_found_again_unasked(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.failed)
    page = visit(f"{site.url}jobs", expected=("ERR_", "Failed to load"))
    expect(page.locator(".live")).to_have_text("Live")
    site.stop()
    expect(page.locator(".live")).to_have_text("Offline")
    site.start()
    expect(page.locator(".live")).to_have_text("Live")
