"""The Workers page: who runs jobs."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.dashboard.conftest import Visit
from tests.dashboard.seed import WORKER, Seed
from tests.dashboard.site import Site


def test_who_lives_and_with_what_they_are_busy(site: Site, seed: Seed, visit: Visit) -> None:
    id = site.run(seed.processing, "INDEX_SOURCE")
    page = visit(f"{site.url}workers")
    row = page.get_by_role("table", name="Workers").locator("tbody tr")
    expect(row).to_contain_text("web-1 process 4101")
    expect(row).to_contain_text("Alive lease 59m")
    expect(row.locator(".busy")).to_contain_text("1 / 8")
    expect(row).to_contain_text("SEND_MAIL, INDEX_SOURCE, RESIZE_IMAGE")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}jobs/{id}")


def test_a_death_shows_with_its_reason(site: Site, seed: Seed, visit: Visit) -> None:
    site.run(seed.processing)
    page = visit(f"{site.url}workers")
    expect(page.locator("tbody tr")).to_contain_text("Alive")

    async def kill() -> None:
        await site.kiribi.store.bury({WORKER: "killed by signal 9"})
        site.kiribi.queue.ring()

    site.run(kill)
    expect(page.locator("tbody tr")).to_contain_text("Dead killed by signal 9")


def test_nobody_yet(site: Site, visit: Visit) -> None:
    page = visit(f"{site.url}workers")
    expect(page.get_by_role("heading", name="No worker yet")).to_be_visible()
    expect(page.get_by_text("kiribi worker app.py")).to_be_visible()
